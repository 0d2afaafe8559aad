"""Run folders of older and newer versions: shown, resumed, or refused with the version's name."""

import json
import shutil
from pathlib import Path

import pytest

import distnet
from distnet.cli.main import main
from distnet.errors import RunError
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


def test_a_run_says_which_version_wrote_it(old):
    assert read_format(old) == 1
    assert written_by(old) == "distnet 0.1.0 (run format 1)"


def test_an_old_run_is_shown(old, capsys):
    assert main(["show", str(old.path)]) == 0

    shown = capsys.readouterr().out
    assert "test accuracy 100.00%" in shown
    assert "step-00000006" in shown


def test_an_old_run_is_not_resumed_but_its_version_is_named(old):
    with pytest.raises(RunError) as raised:
        distnet.resume(old.path, inline=True, overrides=["train.steps=9"])

    assert "found a run of distnet 0.1.0 (run format 1)" in str(raised.value)
    assert f"distnet run JOB --start-from {old.path}" in str(raised.value)


def test_a_new_run_starts_from_the_weights_of_an_old_one(old):
    new = old.path.parent / "new"

    run = distnet.run(
        old.job, inline=True, runs=new, job_folder=old.path.parent, start_from=old.path
    )

    notes = [json.loads(line).get("text", "") for line in run.folder.metrics.open()]
    assert any("step 6 of old-run" in note for note in notes)


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
