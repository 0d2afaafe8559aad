import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from distnet.cli.errors import MEANT
from distnet.cli.lazy import Verb
from distnet.cli.main import main
from distnet.cli.verbs import PANELS
from tests.cli.command_lines import require_accepted

HEAVY = ("torch", "torchvision", "ray", "matplotlib", "pyarrow", "numpy", "pandas", "httpx")
COMMAND = "import sys; from distnet.cli.main import main; sys.exit(main())"


def verbs() -> dict[str, Verb]:
    """Every command there is, by the words that call it."""
    found: dict[str, Verb] = {}
    for panel in PANELS.values():
        for name, entry in panel.items():
            inner = {name: entry} if isinstance(entry, Verb) else entry.verbs
            prefix = "" if isinstance(entry, Verb) else f"{name} "
            found |= {f"{prefix}{word}": verb for word, verb in inner.items()}
    return found


@pytest.mark.parametrize("words", verbs())
def test_every_command_has_help_with_an_example_and_json(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code = main([*words.split(), "--help"])

    text = capsys.readouterr().out
    assert code == 0
    assert f"Example: distnet {words}" in text
    assert "--json" in text
    assert verbs()[words].help in text  # the list shows the first line of the docstring


def test_all_verbs_are_found() -> None:
    expected = {"run", "check", "schema", "init", "runs", "show", "report", "compare"}
    assert expected | {"eval", "predict", "export", "data import", "data inspect"} <= verbs().keys()


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["schema", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from distnet.cli.main import main; main(sys.argv[2:]);"
        "sys.exit(str([m for m in sys.argv[1].split() if m in sys.modules]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, " ".join(HEAVY), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr.strip() == "[]"
    assert "Usage: distnet" in done.stdout


def test_no_verb_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    code = main([])

    assert code == 2
    assert "Usage: distnet" in capsys.readouterr().out


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("distnet")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frobnicate"], "No such command 'frobnicate'; see: distnet --help"),
        (["train"], "No such command 'train', did you mean 'run'? See: distnet --help"),
        (["data", "train"], "No such command 'train'; see: distnet data --help"),
        (["import", "a"], "No such command 'import', did you mean 'data import'? See: distnet"),
        (["data", "imprt"], "'imprt', did you mean 'import'? See: distnet data --help"),
        (["data", "import", "a", "b", "--sizes", "3x3"], "--sizes, did you mean --size? See: dist"),
        (["check"], "see: distnet check --help"),
        (["check", "job.yaml", "--frob"], "--frob"),
        (["run", "job.yaml", "--workers", "many"], "--workers: found many, expected a whole"),
    ],
)
def test_a_wrong_call_is_reported_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(arguments)

    captured = capsys.readouterr()
    assert code == 2
    assert captured.err.startswith("error: ")
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
    assert captured.out == ""


def test_an_error_is_printed_without_reading_it_as_markup(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "[bold]job[/].yaml"

    code = main(["check", str(path)])

    captured = capsys.readouterr()
    assert code == 2
    assert captured.err.startswith(f"error: {path}: found no such file")
    assert captured.out == ""


def test_words_of_other_tools_lead_to_commands_that_exist() -> None:
    for word, meant in MEANT.items():
        assert [word] != meant.split()
        require_accepted(meant.split()[:1])


def test_a_job_file_that_does_not_exist_is_named_beside_one_that_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = tmp_path / "flowers.yaml"
    job.write_text("name: flowers\n")

    assert main(["check", str(tmp_path / "flwers.yaml")]) == 2
    assert f"expected a job file; did you mean {job}?" in capsys.readouterr().err
    assert main(["check", str(tmp_path)]) == 2
    assert f"{tmp_path}: found a folder, expected a job file; " in capsys.readouterr().err


def test_several_faults_are_lines_that_begin_with_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("nam: a\nnetwork: {kind: mlp}\ntrain: {epochs: ten}\n")

    code = main(["check", str(path)])

    assert code == 2
    assert capsys.readouterr().err.splitlines() == [
        "error:",
        f"{path}:1 nam: found unknown key `nam`, did you mean `name`?",
        f"{path}:1 name: found no `name`, which is required",
        f"{path}:3 train.epochs: found text 'ten', expected a whole number",
    ]


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [(["check", "nothing.yaml", "--json"], "JobFileError"), (["check", "--json"], "UsageError")],
)
def test_an_error_is_json_with_the_option_json(
    arguments: list[str], kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(arguments)

    captured = capsys.readouterr()
    assert code == 2
    error = json.loads(captured.out)["error"]
    assert error["type"] == kind
    assert error["message"]
    assert error["message"] in captured.err


def test_a_reader_that_leaves_early_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    message = process.stderr.read()
    process.stderr.close()

    assert process.wait() != 0
    assert message == ""


def test_an_interrupt_ends_with_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "interrupted.py").write_text("raise KeyboardInterrupt\n")
    job = tmp_path / "job.yaml"
    job.write_text("name: a\nnetwork: {kind: ./interrupted.py:Net}\n")

    assert main(["check", str(job)]) == 130
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.check
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_reported_without_a_traceback() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, "schema"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ},
        )

    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("group", ["server", "schedules", "context", "token", "team", "data"])
def test_every_group_shows_an_example(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([group, "--help"]) == 0
    assert f"Example: distnet {group} " in capsys.readouterr().out


def test_every_command_has_a_panel(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0

    printed = capsys.readouterr().out
    panels = re.findall(r"─ ([A-Z]\w+) ─", printed)
    assert panels == ["Options", "Train", "Queue", "Data", "Results", "Server", "Cluster"]
