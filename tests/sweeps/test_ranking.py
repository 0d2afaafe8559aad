"""The order of trials, and the mean over folds, from what was measured alone."""

from typing import Any

import pytest

from distnet.protocol.sweeps import SweepResponse, TrialResponse
from distnet.spec.metric import Metric

ACCURACY = Metric("accuracy", "percent", "higher")
LOSS = Metric("loss")


def trial(name: str, value: float | None, state: str = "finished", **changes: Any) -> TrialResponse:
    return TrialResponse(name=name, changes=changes, state=state, value=value)


@pytest.mark.parametrize(("metric", "best"), [(ACCURACY, "bcade"), (LOSS, "acbde")])
def test_the_best_comes_first_and_what_is_not_measured_last(metric: Metric, best: str) -> None:
    trials = [
        trial("a", 0.1),
        trial("e", None, "waiting"),
        trial("b", 0.9),
        trial("c", 0.5, "running"),
        trial("d", 0.95 if metric is ACCURACY else 0.01, "stopped early"),
    ]

    table = SweepResponse.ranked("s", trials, metric, "test")

    assert "".join(one.name for one in table.trials) == best
    assert table.best == ("b" if metric is ACCURACY else "a")


def test_before_anything_is_measured_there_is_no_best() -> None:
    table = SweepResponse.ranked("s", [trial("a", None, "waiting", x=1)], None, None)

    assert (table.best, table.best_text) == (None, "nothing is measured yet")
    assert table.keys == ("x",)


def test_folds_are_ranked_by_their_mean() -> None:
    trials = [
        trial(f"{rate}-{fold}", value, **{"rate": rate, "data.fold": f"{fold}/2"})
        for rate, values in ((0.1, (0.9, 0.5)), (0.2, (0.8, 0.7)))
        for fold, value in enumerate(values, 1)
    ]

    table = SweepResponse.ranked("s", trials, ACCURACY, "fold")

    assert [one.changes for one in table.folds] == [{"rate": 0.2}, {"rate": 0.1}]
    assert [one.mean for one in table.folds] == pytest.approx([0.75, 0.7])
    assert [one.deviation for one in table.folds] == pytest.approx([0.005**0.5, 0.08**0.5])
    assert table.trials[0].name == "0.1-1"
    assert table.best == "0.2-1"
    assert table.best_text == (
        "the best is rate=0.2: the mean fold accuracy is 75.00%, its standard deviation 7.07% "
        "(2 of 2 folds)"
    )
