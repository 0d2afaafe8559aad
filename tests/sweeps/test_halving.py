"""Successive halving: the better third goes on, whatever was killed in between."""

from pathlib import Path

import pytest

import distnet
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object
from tests.sweeps.test_sweep import CtrlC


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
