"""Sweeps here: every trial is a run of its own, and what was stopped goes on."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distnet
from distnet.errors import JobFileError, RunError
from distnet.run_folder.lock import held
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object
from distnet.spec.sweep import folds_setting
from distnet.sweeps.record import SweepFolder, Trial
from distnet.train.worker import STOP_CHECK_S
from distnet.trained.evaluate import evaluate

RATES = "optimizer.learning_rate=1e-5,0.05,0.001"


def test_each_trial_is_a_run_with_its_value_and_the_best_comes_first(job: Path) -> None:
    swept = distnet.sweep(job, [RATES], inline=True, overrides=["train.steps=6"])

    table = swept.table
    trials = {trial.name: trial for trial in table.trials}
    accuracy = {name: distnet.load(f"runs/{name}").job.optimizer.learning_rate for name in trials}
    assert accuracy == {"stripes-sweep-1-1": 1e-5, "stripes-sweep-1-2": 0.05,
                        "stripes-sweep-1-3": 0.001}  # fmt: skip
    assert table.keys == ("optimizer.learning_rate",)
    assert table.metric_name == "test accuracy"
    assert table.best == "stripes-sweep-1-2" == table.trials[0].name
    values = [trial.value for trial in table.trials if trial.value is not None]
    assert values == sorted(values, reverse=True)
    assert {trial.step for trial in table.trials} == {6}
    assert swept.best is not None
    assert swept.best.metrics["test_accuracy"] == values[0]


def test_a_trial_has_the_weights_of_the_same_job_without_a_sweep(job: Path) -> None:
    sets = ["train.steps=6"]
    distnet.sweep(job, ["train.seed=3,4"], inline=True, overrides=sets)
    alone = distnet.run(job, inline=True, overrides=[*sets, "train.seed=4"])

    trial = read_object(RunFolder(Path("runs/stripes-sweep-1-2")).result)
    assert trial["weights_sha256"] == alone.result["weights_sha256"]


class CtrlC:
    """Presses Ctrl-C at the first step of one of the trials, and notes which ones begin."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.begun: list[tuple[int, float]] = []

    @contextmanager
    def __call__(self, sweep: SweepFolder, trial: Trial, part: float) -> Iterator[Any]:
        number = sweep.trials.index(trial) + 1
        self.begun.append((number, part))

        def press(record: dict[str, Any]) -> None:
            if number == self.number and record["kind"] == "step" and record["step"] == 1:
                os.kill(os.getpid(), signal.SIGINT)
            if record["kind"] in ("step", "epoch"):
                time.sleep(STOP_CHECK_S)  # a step sees a request only when this has passed

        yield press


@pytest.mark.check
def test_ctrl_c_stops_the_sweep_and_resume_goes_on_with_what_is_missing(job: Path) -> None:
    pressed, watch = CtrlC(2), CtrlC(-1)
    stopped = distnet.sweep(job, [RATES], inline=True, watch=pressed)
    states = {trial.name: trial.state for trial in stopped.table.trials}
    first = read_object(RunFolder(Path("runs/stripes-sweep-1-1")).result)
    swept = distnet.open_sweep("stripes-sweep-1").resume(watch=watch)

    assert stopped.is_stopped
    assert pressed.begun == [(1, 1.0), (2, 1.0)]
    assert states == {
        "stripes-sweep-1-1": "finished",
        "stripes-sweep-1-2": "stopped",
        "stripes-sweep-1-3": "waiting",
    }
    assert watch.begun == [(2, 1.0), (3, 1.0)]
    assert not swept.is_stopped
    assert {trial.state for trial in swept.table.trials} == {"finished"}
    assert read_object(RunFolder(Path("runs/stripes-sweep-1-1")).result) == first
    whole = distnet.run(job, inline=True, overrides=["optimizer.learning_rate=0.05"])
    resumed = read_object(RunFolder(Path("runs/stripes-sweep-1-2")).result)
    assert resumed["weights_sha256"] == whole.result["weights_sha256"]


def test_a_trial_that_fails_is_named_and_the_others_are_trained(job: Path) -> None:
    settings = ["train.slices=2,1200"]
    swept = distnet.sweep(
        job, settings, inline=True, overrides=["train.steps=2", "train.batch_size=1500"]
    )

    last = swept.table.trials[-1]
    assert swept.table.best == "stripes-sweep-1-1"
    assert (last.name, last.state) == ("stripes-sweep-1-2", "failed")
    assert "train.slices" in (last.error or "")
    assert swept.resume().table == swept.table


def test_what_every_trial_refuses_leaves_nothing_behind(job: Path) -> None:
    sets = ["data.source=mnits"]
    with pytest.raises(JobFileError, match="mnits"):
        distnet.sweep(job, ["train.seed=1,2"], inline=True, overrides=sets)
    with pytest.raises(
        JobFileError, match=r"--sweep train.sed=1: found unknown key `sed`, did you mean `seed`"
    ):
        distnet.sweep(job, ["train.sed=1,2"], inline=True)

    assert list(Path("runs").iterdir()) == []


def test_names_that_are_taken_are_refused(job: Path) -> None:
    Path("runs/mine-2").mkdir(parents=True)

    with pytest.raises(RunError, match="mine-2: the name of a trial is taken"):
        distnet.sweep(job, ["train.seed=1,2"], inline=True, name="mine")
    assert not Path("runs/mine").exists()


def test_two_processes_do_not_train_one_sweep(job: Path) -> None:
    swept = distnet.sweep(job, ["train.seed=1"], inline=True, overrides=["train.steps=2"])

    with (
        held(RunFolder(swept.folder.path)),
        pytest.raises(RunError, match="another process trains"),
    ):
        swept.resume()


def test_own_code_is_that_of_the_beginning(job: Path) -> None:
    own = Path("mynet.py")
    own.write_text(
        "from torch import nn\n\n\nclass Net(nn.Sequential):\n"
        "    def __init__(self, input_shape, num_outputs, *, width: int = 4):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(144, width), nn.Linear(width, 4))\n"
    )
    job.write_text(job.read_text().replace("{kind: mlp, hidden: [8]}", "{kind: ./mynet.py:Net}"))
    stopped = distnet.sweep(job, ["network.width=4,8"], inline=True, watch=CtrlC(1))
    own.write_text("broken")

    swept = distnet.open_sweep("stripes-sweep-1").resume()

    assert stopped.is_stopped
    assert [trial.state for trial in swept.table.trials] == ["finished", "finished"]


def test_folds_are_measured_on_what_was_left_out(job: Path) -> None:
    swept = distnet.sweep(
        job, [folds_setting(3)], inline=True, overrides=["train.steps=6"], name="folds"
    )

    [one] = swept.table.folds
    values = [trial.value for trial in swept.table.trials if trial.value is not None]
    plans = [read_object(RunFolder(Path(f"runs/folds-{i}")).plan) for i in (1, 2, 3)]
    assert [(plan["train_samples"], plan["eval_samples"]) for plan in plans] == [
        (669, 334),
        (669, 334),
        (668, 335),
    ]
    assert swept.table.metric_name == "fold accuracy"
    assert one.mean == pytest.approx(np.mean(values))
    assert one.deviation == pytest.approx(np.std(values, ddof=1))
    best = swept.best
    assert best is not None
    assert evaluate(best.folder.path)["metrics"]["accuracy"] == swept.table.trials[0].value
