"""Run folders of older and newer versions: shown, resumed, or refused with the version's name."""

import json
import shutil
from pathlib import Path

import pytest

import distnet
from distnet.cli.main import main
from distnet.errors import CheckpointError, RunError
from distnet.run_folder.format import RUN_FORMAT, read_format, written_by
from distnet.run_folder.paths import RunFolder

FORMAT_1 = Path(__file__).parent / "format_1"


@pytest.fixture
def old(tmp_path: Path) -> RunFolder:
    """A finished run of format 1, with its dataset."""
    site = tmp_path / "site"
    shutil.copytree(FORMAT_1, site)
    folder = RunFolder(site / "old-run")
    folder.logs.mkdir()
    folder.plan.write_text(folder.plan.read_text().replace('"/site', f'"{site}'))
    return folder


def resume(folder: RunFolder) -> str:
    """How resuming it ends."""
    try:
        run = distnet.resume(folder.path, inline=True, overrides=["train.steps=9"])
    except CheckpointError as error:
        return str(error)
    return f"{run.status} at step {run.result['steps']}"


def test_a_run_says_which_version_wrote_it(old):
    assert read_format(old) == 1
    assert written_by(old) == "distnet 0.1.0 (run format 1)"


def test_an_old_run_is_shown(old, capsys):
    assert main(["show", str(old.path)]) == 0

    shown = capsys.readouterr().out
    assert "test accuracy 100.00%" in shown
    assert "step-00000006" in shown


def test_an_old_run_is_resumed_or_its_version_named(old):
    outcome = resume(old)

    named = ("written by distnet 0.1.0 (run format 1)", "start a new run")
    assert outcome == "finished at step 9" or all(text in outcome for text in named)


def test_a_run_whose_checkpoints_are_damaged_names_its_version(old):
    for weights in old.checkpoints.glob("*/weights.safetensors"):
        weights.write_bytes(b"damaged")

    assert "written by distnet 0.1.0 (run format 1)" in resume(old)


def test_a_run_of_a_newer_version_is_refused(old):
    environment = json.loads(old.environment.read_text())
    environment |= {"distnet": "9.0.0", "run_format": RUN_FORMAT + 1}
    old.environment.write_text(json.dumps(environment))

    with pytest.raises(RunError, match=rf"distnet 9\.0\.0 \(run format {RUN_FORMAT + 1}\)"):
        distnet.resume(old.path, inline=True)


def test_a_new_run_has_the_newest_format(old):
    run = distnet.run(
        old.job, inline=True, runs=old.path.parent / "new", job_folder=old.path.parent
    )

    assert read_format(run.folder) == RUN_FORMAT
