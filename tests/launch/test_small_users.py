"""The small users of the seams as their owners run them: from the job file, to the end, resumed."""

import json
from pathlib import Path

import pytest

from distnet.errors import RunError
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
    with pytest.raises(RunError, match="makes its own samples"):
        audit_run(first.folder)
    with pytest.raises(RunError, match="trained without a dataset.*distnet show cartpole-1"):
        load_trained(first.folder.path)
