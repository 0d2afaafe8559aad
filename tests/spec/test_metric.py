import math

import pytest

from distnet.spec.metric import LOSS, Metric

ACCURACY = Metric("accuracy", "percent", "higher")


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        (ACCURACY, 0.95881, "95.88%"),
        (LOSS, 0.123456, "0.1235"),
        (LOSS, 12345.6, "12,346"),
        (LOSS, 1.5e20, "1.5e+20"),
        (LOSS, None, "-"),
        (LOSS, math.nan, "nan"),
    ],
)
def test_a_value_is_written_in_the_format_of_its_metric(metric, value, text):
    assert metric.text(value) == text


@pytest.mark.parametrize(
    ("metric", "value", "than", "is_better"),
    [
        (ACCURACY, 0.9, 0.8, True),
        (ACCURACY, 0.8, 0.8, False),
        (LOSS, 0.1, 0.2, True),
        (LOSS, 0.3, 0.2, False),
        (LOSS, math.nan, 0.2, False),
        (LOSS, 0.2, math.nan, True),
        (LOSS, math.nan, math.nan, False),
    ],
)
def test_the_direction_decides_which_value_is_better(metric, value, than, is_better):
    assert metric.is_better(value, than) is is_better


@pytest.mark.parametrize("metric", [ACCURACY, LOSS])
def test_a_metric_survives_its_record(metric):
    assert Metric.from_dict(metric.to_dict()) == metric


def test_a_format_of_a_newer_version_becomes_a_number():
    assert Metric.from_dict({"name": "bleu", "format": "stars", "direction": "up"}) == Metric(
        "bleu"
    )
