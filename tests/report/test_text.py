import math

import pytest

from distnet.report import text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (60_000, "60,000"),
        (0.954321, "0.9543"),
        (1e-05, "1e-05"),
        (123_456.7, "123,457"),
        (0, "0"),
        (-2.5, "-2.5"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (None, "-"),
    ],
)
def test_numbers_are_readable(value: float | None, written: str) -> None:
    assert text.number(value) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (4.2, "4.2 s"),
        (59.97, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7_400, "2 h 03 min"),
        (None, "-"),
        (math.nan, "-"),
    ],
)
def test_durations_are_readable(seconds: float | None, written: str) -> None:
    assert text.duration(seconds) == written


@pytest.mark.parametrize(
    ("num_bytes", "written"),
    [(0, "0 B"), (999, "999 B"), (11_213_456, "11.2 MB"), (5e15, "5000.0 TB")],
)
def test_sizes_are_readable(num_bytes: float, written: str) -> None:
    assert text.size(num_bytes) == written


def test_scores_line_up() -> None:
    assert [text.score(v) for v in (0.9, 1, 0.00012, 12345.6)] == [
        "0.9000",
        "1.0000",
        "0.00012",
        "12,346",
    ]


@pytest.mark.parametrize(
    ("value", "key", "written"),
    [
        (True, "data_in_memory", "yes"),
        (None, "ray", "-"),
        (8_200_000_000, "memory_bytes", "8.2 GB"),
        ([1, 28, 28], "input_shape", "1, 28, 28"),
        ([], "gpus", "-"),
        ("cpu", "device", "cpu"),
    ],
)
def test_cells_are_written_by_what_they_are(value: object, key: str, written: str) -> None:
    assert text.cell(value, key) == written


def test_nested_objects_are_flattened_to_dotted_keys() -> None:
    nested = {"a": {"b": 1, "c": {}}, "d": [{"kind": "flip"}], "e": [1, 2]}

    assert text.flatten(nested) == {"a.b": 1, "a.c": {}, "d.0.kind": "flip", "e": [1, 2]}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([3, 3], "▁▁"),
        ([1, math.nan, 2], "▁█"),
        ([math.nan], ""),
        ([], ""),
    ],
)
def test_sparklines_follow_the_values(values: list[float], line: str) -> None:
    assert text.sparkline(values) == line


def test_sparklines_are_never_wider_than_the_limit() -> None:
    line = text.sparkline([float(i) for i in range(1000)], width=12)

    assert (len(line), line[0], line[-1]) == (12, "▁", "█")
