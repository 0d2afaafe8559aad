"""Who may import whom, what stays quick to import, and how large things may grow."""

import ast
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

Function = ast.FunctionDef | ast.AsyncFunctionDef
PACKAGE = Path(__file__).parents[1] / "distnet"
FILES = sorted(PACKAGE.rglob("*.py"))
EVERYWHERE = {"errors"}
MAY_IMPORT = {
    "spec": set(),
    "run_folder": {"spec"},
    "data": {"spec", "run_folder"},
    "networks": {"spec", "data"},
    "tasks": {"spec", "data", "run_folder", "networks"},
    "train": {"spec", "run_folder", "data", "networks", "tasks"},
    "report": {"spec", "run_folder", "data"},
    "trained": {"spec", "run_folder", "data", "networks", "tasks", "train"},
    "tracking": {"spec", "run_folder"},
    "scheduler": {"spec"},
    "protocol": {"spec"},
    "notices": {"spec"},
    "notebook": {"spec", "run_folder", "data", "train", "trained", "report"},
    "launch": {
        *("spec", "run_folder", "data", "networks", "tasks", "train", "trained", "report"),
        *("notebook", "tracking"),
    },
    "agent": {"spec", "run_folder", "data", "report", "launch", "protocol"},
    "server": {"spec", "run_folder", "data", "protocol", "scheduler", "notices"},
    "client": {"spec", "run_folder", "data", "report", "notebook", "protocol"},
    "sim": {"spec", "scheduler", "protocol"},
    "cluster": {"spec", "run_folder", "train", "report", "launch", "protocol"},
    "chaos": {"spec", "run_folder", "data", "train", "launch", "report"},
    "sweeps": {"spec", "run_folder", "report", "notebook", "launch", "protocol"},
    "cli": {
        *("spec", "run_folder", "data", "networks", "tasks", "train", "trained", "report"),
        *("launch", "scheduler", "protocol", "agent", "server", "client", "sim", "chaos"),
        *("cluster", "notebook", "sweeps", "notices"),
    },
}
MAY_IMPORT_RAY = ("launch/ray/", "server/gateway/", "agent/", "cluster/")
MAY_NOT_IMPORT_TORCH = (
    *("spec", "run_folder", "report", "scheduler", "protocol", "server", "client", "sim", "cli"),
    *("cluster", "notebook", "notices", "tracking"),
)
MOST_LINES, MOST_FUNCTION_LINES = 300, 60
MEDIAN_FUNCTION_LINES, P90_FUNCTION_LINES = 8, 20
MOST_INNER_IMPORTS = 20
MOST_MODULES = 20
"""In a folder of the server."""
BANNED_NAMES = ("util", "common", "helper", "misc", "manager", "handler")


def room(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else parts[0].removesuffix(".py")


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All of a file, read once for all tests."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def functions(path: Path) -> Iterator[Function]:
    return (node for node in nodes(path) if isinstance(node, Function))


def num_lines(node: Function) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def test_package_was_found() -> None:
    assert len(FILES) > 60
    assert {room(path) for path in FILES} >= set(MAY_IMPORT)


def wrong_imports(path: Path) -> Iterator[str]:
    """Imports of a file that point the wrong way, or at what its room may not use."""
    own, place = room(path), path.relative_to(PACKAGE).as_posix()
    for module in imports(path):
        name, *rest = module.split(".")
        others = own in MAY_IMPORT and name == "distnet" and rest[:1]
        if others and rest[0] not in MAY_IMPORT[own] | EVERYWHERE | {own}:
            yield f"{place} imports {module}"
        if name == "ray" and not place.startswith(MAY_IMPORT_RAY):
            yield f"{place} imports ray"
        if name in ("torch", "torchvision") and own in MAY_NOT_IMPORT_TORCH:
            yield f"{place} imports {name}"


def test_imports_point_one_way() -> None:
    assert [wrong for path in FILES for wrong in wrong_imports(path)] == []


def test_files_and_functions_stay_small() -> None:
    long = [path for path in FILES if path.read_text().count("\n") > MOST_LINES]
    long_functions = [
        f"{path}:{node.lineno} {node.name}"
        for path in FILES
        for node in functions(path)
        if num_lines(node) > MOST_FUNCTION_LINES
    ]

    assert (long, long_functions) == ([], [])
    assert [path for path in FILES if any(word in path.stem for word in BANNED_NAMES)] == []


def test_imports_inside_functions_are_few_and_say_why() -> None:
    found = {
        (path, node.lineno)
        for path in FILES
        for function in functions(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }

    assert len(found) <= MOST_INNER_IMPORTS, sorted(map(str, found))
    for path, line in found:
        before, own = path.read_text().splitlines()[line - 2 : line]
        assert "#" in own or before.strip().startswith("#"), f"{path}:{line} gives no reason"


def test_most_functions_are_short() -> None:
    lines = [num_lines(node) for path in FILES for node in functions(path)]

    assert statistics.median(lines) <= MEDIAN_FUNCTION_LINES
    assert statistics.quantiles(lines, n=10)[-1] <= P90_FUNCTION_LINES


def test_no_folder_is_a_heap() -> None:
    folders = Counter(path.parent for path in FILES if path.stem != "__init__")

    assert {folder: num for folder, num in folders.items() if num > MOST_MODULES} == {}


@pytest.mark.parametrize(
    "code",
    ["import distnet", "from distnet.cli.main import main; main(['--help'])"],
    ids=["import", "help"],
)
def test_what_does_not_compute_imports_nothing_heavy(code: str) -> None:
    probe = f"""{code}
import sys
heavy = {{"torch", "ray", "torchvision", "matplotlib", "pandas", "pyarrow", "onnx"}}
print("HEAVY", sorted(heavy & sys.modules.keys()))"""

    ended = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )

    assert ended.stdout.strip().endswith("HEAVY []")


def test_inline_training_never_imports_ray(tmp_path: Path) -> None:
    probe = """import sys, distnet
distnet.run(sys.argv[1], inline=True, overrides=["train.steps=2"], runs=sys.argv[2])
print("RAY", "ray" in sys.modules)"""
    job = PACKAGE.parent / "jobs" / "digits.yaml"

    ended = subprocess.run(
        [sys.executable, "-c", probe, str(job), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "RAY False" in ended.stdout
