"""The job file of the bAbI tasks learns the first of them, where one sentence has the answer."""

import json
import tarfile
from pathlib import Path

import pytest

from distnet.data.importing import import_dataset
from tests.jobs.test_job_files import job_file
from tests.needs import real_data
from tests.train.small_runs import planned, run_alone


@pytest.mark.check
def test_the_first_task_is_learned_in_two_epochs(tmp_path: Path) -> None:
    """Words alone, whatever their order, give 44 %."""
    raw = tmp_path / "raw"
    raw.mkdir()
    with tarfile.open(real_data("babi.tar.xz")) as archive:
        for member in archive:
            if Path(member.name).name.startswith("qa1_"):
                file = archive.extractfile(member)
                assert file is not None
                (raw / Path(member.name).name).write_bytes(file.read())
    import_dataset(raw, tmp_path / "babi")
    settings = (f"data.source={tmp_path / 'babi'}", "train.epochs=2", "train.batch_size=64")

    learned = run_alone(planned(job_file("babi-answers"), *settings), tmp_path / "run")

    learned.require_measured()
    measured = json.loads((learned.folder / "evaluation.json").read_text())
    assert measured["metrics"]["accuracy"] > 0.95
