"""Commands are imported when they are called; the help and the completion of names import none."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import distnet
from distnet.cli.main import main

CLI = Path(distnet.__file__).parent / "cli"
PROBE = """import sys
from distnet.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print(sorted(m for m in sys.modules if m.startswith("distnet.")), file=sys.stderr)"""
FRAME = [
    "distnet.cli", "distnet.cli.encoding", "distnet.cli.errors", "distnet.cli.exit_codes",
    "distnet.cli.groups", "distnet.cli.lazy", "distnet.cli.main", "distnet.cli.operator_verbs",
    "distnet.cli.signals", "distnet.cli.stdout", "distnet.cli.verbs", "distnet.errors",
    "distnet.spec", "distnet.spec.printable",
]  # fmt: skip
MOST_IMPORTS_INSIDE = 9


def probe(*arguments: str, **environment: str) -> tuple[str, list[str]]:
    """What a command prints, and the modules of distnet that it imports."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(CLI.parents[1]), "COLUMNS": "100", **environment},
    )
    modules: list[str] = ast.literal_eval(done.stderr.splitlines()[-1])
    return done.stdout, modules


def complete(words: str) -> tuple[list[str], list[str]]:
    """What bash is offered after `words`, and the modules of distnet that are imported for it."""
    last = str(len(words.split(" ")) - 1)
    text, modules = probe(_DISTNET_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=last)
    return text.split(), modules


@pytest.mark.parametrize("arguments", [["--help"], ["data", "--help"], ["context", "--help"]])
def test_help_imports_no_command(arguments: list[str]) -> None:
    text, modules = probe(*arguments)

    assert "Usage: distnet" in text
    assert modules == FRAME


def test_a_command_imports_only_its_own_module() -> None:
    _, modules = probe("cancel", "--help")

    assert "distnet.cli.queue.control" in modules
    assert not [name for name in modules if name.startswith(("distnet.cli.train", "distnet.data"))]


def test_the_names_of_commands_are_completed_without_importing_them() -> None:
    names, modules = complete("distnet sch")

    assert names == ["schema", "schedule", "schedules"]
    assert modules == FRAME
    assert complete("distnet context ")[0] == ["list", "use", "add", "remove"]


def test_the_options_of_a_command_are_completed() -> None:
    options, modules = complete("distnet cancel --")

    assert {"--server", "--context", "--json", "--help"} <= set(options)
    assert "distnet.cli.queue.control" in modules


def test_a_typo_is_met_with_the_nearest_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cancle"]) == 2
    assert "did you mean 'cancel'?" in capsys.readouterr().err


def test_imports_stand_at_the_top_of_their_file() -> None:
    """But for those of torch, matplotlib and the like, where something quick comes first.

    And for one where Ctrl-C may come.
    """
    inside = [
        f"{path.relative_to(CLI)}:{node.lineno}"
        for path in CLI.rglob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert len(inside) <= MOST_IMPORTS_INSIDE, inside
