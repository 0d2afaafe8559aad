"""The small users of the seams as their owners run them: from the job file, to the end, resumed."""

import json
from pathlib import Path

import numpy as np
import pytest

from distnet.errors import DistnetError, RunError
from distnet.launch.run import resume, run
from distnet.report.audit import audit_run
from distnet.trained.load import load_trained

USERS = Path(__file__).parents[1] / "train" / "users"


def test_samples_of_several_batches_a_step_are_audited(tmp_path: Path) -> None:
    done = run(USERS / "gan.yaml", inline=True, runs=tmp_path)

    audit = audit_run(done.folder)

    assert audit.is_clean, audit.faults
    assert (audit.status, audit.steps) == ("finished", 14)
    assert Path(done.report()).is_file()


def test_a_task_that_makes_its_samples_needs_no_dataset(tmp_path: Path) -> None:
    first = run(USERS / "cartpole.yaml", inline=True, runs=tmp_path)

    longer = resume(first.folder.path, inline=True, overrides=["train.steps=16"])

    assert longer.result["steps"] == 16
    assert json.loads(first.folder.plan.read_text())["dataset"] == ""
    assert (audit := audit_run(first.folder)).is_clean, audit.faults
    assert (audit.steps, audit.samples) == (16, 0)
    network = load_trained(first.folder.path)
    with pytest.raises(RunError, match="without a dataset.*DeepQ makes its own samples"):
        network.predict(np.zeros((1, 4), np.float32))
    with pytest.raises(RunError, match="DeepQ, which plays nothing"):
        network.play(2)


def test_what_was_played_cannot_be_rewound(tmp_path: Path) -> None:
    with pytest.raises(DistnetError, match="found rewind.*expected stop or skip"):
        run(
            USERS / "cartpole.yaml",
            inline=True,
            runs=tmp_path,
            overrides=["train.on_nonfinite=rewind"],
        )


@pytest.mark.parametrize(
    ("job", "change", "message"),
    [
        (
            "gan",
            "players.judge.clip=1.0",
            r"players: found judge, expected one of critic, generator",
        ),
        (
            "gan",
            "data.source=null",
            r"data\.source=null: found null, but the task ./gan\.py:Adversarial needs a dataset",
        ),
        ("denoiser", "checkpoint.best_metric=noise", r"found .*noise.*did you mean .*noise_error"),
    ],
)
def test_settings_that_do_not_fit_the_task_are_refused(
    job: str, change: str, message: str, tmp_path: Path
) -> None:
    overrides = [change, "checkpoint.keep_best=1"]

    with pytest.raises(DistnetError, match=message):
        run(USERS / f"{job}.yaml", inline=True, runs=tmp_path, overrides=overrides)
