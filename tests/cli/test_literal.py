"""Names and paths of users are printed as they are: no markup, no emoji, no control characters."""

import ast
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.table import Table
from rich.text import Text

import distnet
from distnet.cli.console import LiteralConsole, LiteralStatus
from distnet.cli.main import main
from distnet.cli.output import print_json
from distnet.cli.results.printing import show_predictions
from distnet.cli.table import Column, lay_out
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.vector import VectorField
from distnet.data.manifest import Manifest
from distnet.data.shard_writer import ShardWriter
from distnet.launch import run as run_module
from distnet.notebook.run import Run
from distnet.run_folder.paths import RunFolder
from distnet.spec.printable import INVISIBLE, printable
from tests.client.fake_server import FakeServer, make_job
from tests.run_folder import run_folders
from tests.run_folder.run_folders import digits_run

MARKUP = ("a[b]", "[/]", "[red]x", "[bold]y[/bold]", ":smile:", "[link=http://x]z[/link]", "\\[b]")
CONTROL = ("l\x1b[2J", "\x1b]0;title\x07", "two\nlines", "r\u202edlrow", "\x9b2J", "a\rb", "d\x7f")
NAMES = (*MARKUP, *CONTROL)
PACKAGE = Path(distnet.__file__).parent


def require_literal(printed: str, *names: str) -> None:
    """All names are there as they are, and nothing that cannot be seen."""
    assert [name for name in names if printable(name) not in printed] == []
    assert not INVISIBLE.search(printed.replace("\n", ""))


@pytest.mark.parametrize("name", NAMES)
def test_a_console_prints_each_renderable_literally(name: str) -> None:
    console = LiteralConsole(file=io.StringIO(), width=60, color_system=None)
    table = Table(name, title=name)
    table.add_column(Text(name, style="red"))
    table.add_row(name, Text(name))

    console.print(name, Text(name), Text.assemble((name, "bold"), name))
    console.print(table)

    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue()
    require_literal(printed)
    if name in MARKUP:
        assert printed.count(name) == 9


@pytest.mark.parametrize("name", NAMES)
def test_a_spinner_shows_its_text_literally(name: str) -> None:
    console = LiteralConsole(file=io.StringIO(), width=60, color_system=None)
    status = LiteralStatus("starting", console)

    status.update(f"waiting for {name}")
    console.print(status.renderable)

    assert isinstance(console.file, io.StringIO)
    require_literal(console.file.getvalue(), name)


def test_a_dataset_is_shown_with_its_own_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a[b] :smile:"
    folder.mkdir()
    y = ClassField(classes=NAMES, class_counts={"train": (1,) * len(NAMES)})
    fields = {"x": VectorField(shape=(1,), mean=(0.0,), std=(1.0,)), "y": y}
    with ShardWriter(folder, "train", fields) as writer:
        x = np.zeros((len(NAMES), 1), np.float32)
        writer.write({"x": x, "y": np.arange(len(NAMES), dtype=np.int32)})
        splits = {"train": writer.finish()}
    manifest = Manifest(name="[red]data", source="from [/]", fields=fields, splits=splits)
    (folder / "manifest.json").write_text(manifest.to_json())

    assert main(["data", "inspect", str(folder)]) == 0

    require_literal(capsys.readouterr().out, *NAMES, "[red]data", "from [/]", str(folder))


def test_a_run_in_a_folder_with_brackets_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "[red]runs"
    digits_run(runs / "a[b]")
    shutil.copytree(runs / "a[b]", runs / ":smile:[red]")

    assert main(["runs", "--runs", str(runs)]) == 0
    require_literal(capsys.readouterr().out, "a[b]", ":smile:[red]")

    assert main(["show", str(runs / "a[b]")]) == 0
    require_literal(capsys.readouterr().out, "a[b]", str(runs / "a[b]"))

    assert main(["compare", str(runs / "a[b]"), str(runs / ":smile:[red]")]) == 0
    require_literal(capsys.readouterr().out, "a[b]", ":smile:[red]")


@pytest.mark.parametrize("status", ["finished", "stopped"])
def test_a_run_that_ends_names_its_folder(
    status: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "[red]" / "a[b] :smile:")
    result = json.loads((digits_run(folder.path) / "result.json").read_text())
    result |= {"run": "a[b] :smile:", "status": status, "notes": ["[red]note"]}
    folder.result.write_text(json.dumps(result))
    with folder.metrics.open("a") as lines:
        lines.write(json.dumps(run_folders.end(1, status, 60)) + "\n")
    ended = Run(folder)
    monkeypatch.setattr(run_module, "run", lambda *_, **__: ended)
    monkeypatch.setattr(Run, "report", lambda run: run.folder.path / "report.html")
    Path(tmp_path / "job.yaml").write_text("name: a\nnetwork: {kind: mlp}\n")

    code = main(["run", str(tmp_path / "job.yaml")])

    printed = capsys.readouterr().err
    require_literal(
        printed, f"a[b] :smile: {status}", f"report: {folder.path}/report.html", "note: [red]note"
    )
    assert code == (0 if status == "finished" else 130)
    assert (f"distnet run --resume '{folder.path}'" in printed) == (status == "stopped")


def test_predicted_classes_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    top = [{"class": name, "probability": 0.5} for name in NAMES]
    show_predictions([{"file": name, "class": name, "top": top[:2]} for name in NAMES])

    require_literal(capsys.readouterr().out, *NAMES)


def test_what_a_server_says_cannot_control_the_terminal(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(CONTROL):
        server.jobs[f"job-{number}"] = make_job(f"job-{number}", number, reason=name, owner=name)

    assert main(["ps"]) == 0
    printed = capsys.readouterr().out
    require_literal(printed, *CONTROL)
    assert len(printed.splitlines()) == len(CONTROL) + 1

    for call in (["ps", "--json"], ["why", "job-0"], ["cancel", "job-1"], ["history", "job-0"]):
        main(call)
        captured = capsys.readouterr()
        require_literal(captured.out + captured.err)


def test_a_table_has_one_line_a_row() -> None:
    lines = lay_out([Column("name"), Column("note")], [(name, name) for name in NAMES], width=None)

    assert len(lines) == len(NAMES) + 1
    require_literal("\n".join(lines[1:]), *NAMES)


def test_json_keeps_every_character_as_an_escape(capsys: pytest.CaptureFixture[str]) -> None:
    texts = [*NAMES, "\udcff", "\u2028", "naïve 猫 😀"]

    print_json(texts)

    printed = capsys.readouterr().out
    require_literal(printed)
    assert "naïve 猫 😀" in printed
    assert json.loads(printed) == texts


def test_nothing_else_prints() -> None:
    """A text passes one of the doors, which make it literal."""
    doors = {"cli/output.py", "cli/errors.py", "cli/table.py", "cli/console.py"}
    # These print only texts of distnet.
    known = doors | {"cli/main.py", "cli/train/schema.py", "cli/cluster/schema.py"}
    others = (p for p in PACKAGE.rglob("*.py") if str(p.relative_to(PACKAGE)) not in known)
    texts = {str(path): path.read_text() for path in others}
    found = {
        f"{name}: {way}"
        for name, text in texts.items()
        if re.search(r"\brich\b|markup|echo", text)
        for way in _printing(ast.parse(text))
    }
    assert found == set()


def _printing(tree: ast.AST) -> list[str]:
    """The ways to print that a module uses."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("rich", "rich.console"):
            found += [a.name for a in node.names if a.name in ("Console", "print", "get_console")]
        elif isinstance(node, ast.ImportFrom) and node.module in ("rich.markup", "rich.status"):
            found.append(node.module)
        elif isinstance(node, ast.Attribute) and node.attr in ("from_markup", "secho"):
            found.append(node.attr)
        elif isinstance(node, ast.Attribute) and node.attr == "echo":
            found.append("typer.echo")
    return found
