import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from distnet.cli.main import app
from distnet.errors import RunError
from distnet.report.run import read_run
from distnet.report.summary import summarise
from distnet.report.terminal import runs_table
from distnet.run_folder.paths import RunFolder
from tests.run_folder.run_folders import STARTED, digits_run, failed_run, new_run, table_run

COMMANDS = ("runs", "show", "report", "compare")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    digits_run(folder / "digits-1", started=STARTED + 10)
    digits_run(folder / "digits-2", seed=1, rate=0.5, started=STARTED + 20)
    failed_run(folder / "broken-net")
    return folder


def call(*arguments: str, runs: Path | None = None) -> Result:
    options = {"DISTNET_RUNS": str(runs)} if runs else {}
    return CliRunner(env=options).invoke(app, arguments)


def told(*arguments: str, runs: Path) -> Any:
    result = call(*arguments, "--json", runs=runs)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def fails(*arguments: str, runs: Path) -> str:
    result = call(*arguments, runs=runs)
    assert isinstance(result.exception, RunError)
    assert result.stdout == ""
    return str(result.exception)


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

    found = told("runs", "--runs", str(runs.parent / "others"), runs=runs)

    assert [(run["name"], run["headline"]["name"]) for run in found] == [("prices", "mae")]


def test_runs_tells_machines_everything(runs: Path) -> None:
    first = told("runs", runs=runs)[0]

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
    assert told("runs", runs=tmp_path) == []


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


def test_show_tells_all_of_one_run(runs: Path) -> None:
    (runs / "digits-1/checkpoints/step-00000060").mkdir(parents=True)
    text = call("show", "digits-1", runs=runs).stdout

    for expected in ("digits-1", "finished", "test accuracy", "13,002", "123,456", "█", "▁"):
        assert expected in text
    assert "step-00000060" in text
    assert re.search(r"epoch +train loss +train accuracy +test loss +test accuracy", text)
    assert f"distnet predict {runs}/digits-1 picture.png" in text


def test_show_says_why_a_run_failed_and_how_to_go_on(runs: Path) -> None:
    text = call("show", "broken-net", runs=runs).stdout

    assert "the loss is NaN at step 30" in text
    assert f"distnet run --resume {runs}/broken-net" in text


def test_show_takes_the_latest(runs: Path) -> None:
    assert told("show", "latest", runs=runs)["summary"]["name"] == "digits-2"


def test_show_tells_machines_everything_as_json_they_can_read(runs: Path) -> None:
    shown = told("show", "digits-1", runs=runs)

    assert [epoch["epoch"] for epoch in shown["epochs"]] == [1, 2, 3]
    assert shown["epochs"][0]["test"]["accuracy"] > 0.5
    assert shown["attempts"][0]["ended"] == "finished"
    assert shown["plan"]["slices_per_worker"] == [[0, 2], [2, 4]]
    assert shown["evaluation"]["figures"][0]["classes"][0] == "0"
    assert shown["summary"]["weights_sha256"] == "0" * 64


def test_show_of_a_run_that_has_just_begun(tmp_path: Path) -> None:
    new_run(tmp_path / "new")

    assert "interrupted" in call("show", "new", runs=tmp_path).stdout
    assert told("show", "new", runs=tmp_path)["summary"]["headline"] is None


def test_report_writes_the_page_and_prints_where(runs: Path) -> None:
    result = call("report", "broken-net", runs=runs)

    assert result.stdout.strip() == str(runs / "broken-net" / "report.html")
    assert (runs / "broken-net" / "report.html").is_file()


def test_report_names_the_files_for_machines(runs: Path) -> None:
    written = told("report", str(runs / "broken-net"), runs=runs.parent)

    assert written["run"] == "broken-net"
    assert Path(written["report"]).is_file()
    assert all(Path(figure).is_file() for figure in written["figures"])
    assert len(written["figures"]) == 5


def test_compare_shows_what_differs(runs: Path) -> None:
    text = call("compare", "digits-1", "digits-2", runs=runs).stdout

    assert re.search(r"optimizer\.learning_rate +0\.1 +0\.5", text)
    assert re.search(r"samples/s +123,456 +124,456 \(1\.01x\)", text)
    assert "different weights" in text
    assert "train.batch_size" not in text


def test_compare_tells_machines(runs: Path) -> None:
    compared = told("compare", "digits-1", "digits-1", "digits-2", runs=runs)

    assert compared["same_weights"] is False
    assert compared["job"]["train.seed"] == [0, 0, 1]
    assert compared["differences"]["test_accuracy"][1] == 0.0


def test_compare_writes_a_page_and_a_figure(runs: Path, tmp_path: Path) -> None:
    html, png = tmp_path / "c.html", tmp_path / "c.png"
    options = ("--html", str(html), "--png", str(png))

    assert call("compare", "digits-1", "broken-net", *options, runs=runs).exit_code == 0
    assert "<svg" in html.read_text()
    assert png.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", ["show", "report"])
def test_a_typo_is_met_with_the_nearest_names(runs: Path, command: str) -> None:
    assert "did you mean broken-net?" in fails(command, "broken-nte", runs=runs)


def test_compare_refuses_one_run(runs: Path) -> None:
    assert "at least two runs" in fails("compare", "digits-1", runs=runs)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    assert f"Example: distnet {command}" in call(command, "--help").stdout


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
