"""Successive halving: the better third goes on, whatever was killed in between."""

from pathlib import Path

import pytest

import distnet
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object
from distnet.spec.read import JobFile, read_job_text
from distnet.sweeps.halving import rung_epoch, rungs_of
from tests.sweeps.test_sweep import CtrlC


def files(count: int, *overrides: str) -> list[JobFile]:
    return [read_job_text("name: a\nnetwork: {kind: mlp}\n", overrides=overrides)] * count


@pytest.mark.parametrize(
    ("trials", "overrides", "parts"),
    [
        (2, ["train.epochs=9"], []),
        (3, ["train.epochs=9"], [1 / 3]),
        (26, ["train.epochs=27"], [1 / 9, 1 / 3]),
        (27, ["train.epochs=27"], [1 / 27, 1 / 9, 1 / 3]),
        (27, ["train.epochs=10"], [1 / 9, 1 / 3]),
        (27, ["train.epochs=2"], []),
        (9, ["train.steps=100"], [1 / 9, 1 / 3]),
        (9, [], [1 / 9, 1 / 3]),
    ],
)
def test_rungs_need_three_trials_and_an_epoch_each(
    trials: int, overrides: list[str], parts: list[float]
) -> None:
    assert rungs_of(files(trials, *overrides)) == pytest.approx(parts)


def test_a_rung_is_after_a_whole_epoch() -> None:
    assert [rung_epoch(9, 1 / 3), rung_epoch(10, 1 / 3), rung_epoch(2, 1 / 9)] == [3, 4, 1]


@pytest.mark.check
def test_the_worse_trials_stop_early_and_the_best_is_trained_as_without(job: Path) -> None:
    rates, sets = "optimizer.learning_rate=1e-5,0.05,1e-4", ["train.epochs=3"]
    watch = CtrlC(3)
    stopped = distnet.sweep(job, [rates], inline=True, overrides=sets, stop_early=True, watch=watch)
    again = CtrlC(-1)

    swept = stopped.resume(watch=again)

    assert stopped.is_stopped
    assert watch.begun == [(1, pytest.approx(1 / 3)), (2, pytest.approx(1 / 3)),
                           (3, pytest.approx(1 / 3))]  # fmt: skip
    assert again.begun == [(3, pytest.approx(1 / 3)), (2, 1.0)]
    assert [(trial.name, trial.state) for trial in swept.table.trials][0] == (
        "stripes-sweep-1-2",
        "finished",
    )
    assert {trial.state for trial in swept.table.trials[1:]} == {"stopped early"}
    assert all((trial.step or 0) < 2 * 16 for trial in swept.table.trials[1:])
    whole = distnet.run(job, inline=True, overrides=[*sets, "optimizer.learning_rate=0.05"])
    result = read_object(RunFolder(Path("runs/stripes-sweep-1-2")).result)
    assert result["weights_sha256"] == whole.result["weights_sha256"]
