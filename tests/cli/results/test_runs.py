"""`distnet runs` as a person types it."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from distnet.report.run import read_run
from distnet.report.summary import summarise
from distnet.report.terminal import runs_table
from distnet.run_folder.paths import RunFolder
from tests.cli.results.command import call, parsed
from tests.run_folder.run_folders import STARTED, new_run, table_run


def test_runs_lists_the_newest_first(runs: Path) -> None:
    lines = call("runs", runs=runs).stdout.splitlines()

    assert lines[0].split() == (
        [
            "run",
            "status",
            "epochs",
            "steps",
            "result",
            "train",
            "loss",
            "samples/s",
            "workers",
            "started",
            "time",
            "size",
        ]
    )
    assert [line.split()[:2] for line in lines[1:]] == [
        ["digits-2", "finished"],
        ["digits-1", "finished"],
        ["broken-net", "failed"],
    ]


def test_runs_takes_the_folder_as_an_option_before_the_environment(runs: Path) -> None:
    table_run(runs.parent / "others" / "prices")

    found = parsed("runs", "--runs", str(runs.parent / "others"), runs=runs)

    assert [(run["name"], run["headline"]["name"]) for run in found] == [("prices", "mae")]


def test_runs_prints_everything_as_json(runs: Path) -> None:
    first = parsed("runs", runs=runs)[0]

    assert (first["name"], first["status"], first["steps"]) == ("digits-2", "finished", 60)
    assert first["metrics"]["test_accuracy"] == first["headline"]["value"]
    assert first["started"] == STARTED + 20
    assert first["samples_per_second"] == 124_456.0


def test_runs_leaves_out_a_damaged_run_and_says_so(runs: Path) -> None:
    (runs / "digits-1" / "plan.json").write_text("{")
    result = call("runs", "--json", runs=runs)

    names = [run["name"] for run in json.loads(result.stdout)]
    assert names == ["digits-2", "broken-net"]
    assert re.search(r"left out: .*digits-1/plan\.json: damaged", result.stderr.replace("\n", ""))


def test_runs_without_any_says_how_to_start_one(tmp_path: Path) -> None:
    assert "distnet run JOB" in call("runs", runs=tmp_path).stderr
    assert parsed("runs", runs=tmp_path) == []


def test_runs_shows_names_as_they_are(tmp_path: Path) -> None:
    new_run(tmp_path / "[bold]net")

    assert "[bold]net" in call("runs", runs=tmp_path).stdout


@pytest.mark.parametrize("width", [60, 80])
def test_a_narrow_table_keeps_the_names_of_the_runs(runs: Path, width: int) -> None:
    found = [summarise(read_run(RunFolder(folder))) for folder in sorted(runs.iterdir())]
    console = Console(width=width, file=io.StringIO())

    console.print(runs_table(found, width=width))

    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["broken-net", "failed"],
        ["digits-1", "finished"],
        ["digits-2", "finished"],
    ]


def test_looking_at_runs_imports_nothing_heavy(runs: Path) -> None:
    code = (
        "import sys\n"
        "from distnet.cli.main import main\n"
        "for line in (['runs'], ['show', 'latest'], ['compare', 'digits-1', 'digits-2']):\n"
        f"    assert main([*line, '--runs', {str(runs)!r}]) == 0\n"
        "heavy = {'torch', 'ray', 'pandas', 'matplotlib', 'numpy', 'jinja2'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
