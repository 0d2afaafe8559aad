"""What distnet imports is what it declares: no package comes along by chance."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
ABSENT = {"mlflow": "mlflow-skinny"}
"""What brings packages that `make test` does without, where it has another name."""
TYPES_ONLY = {"_typeshed"}
"""What only type checkers know."""


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(path: Path) -> Iterator[str]:
    """Top-level packages that a file imports, also by `require_extra("name")`."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module)):
                yield module.partition(".")[0]
            case ast.Call(func=ast.Name(id="require_extra"), args=[ast.Constant(value=str(name))]):
                yield name.partition(".")[0]


def foreign(folder: Path) -> dict[str, set[str]]:
    """Packages that files in a folder import from elsewhere, and these files."""
    found: dict[str, set[str]] = {}
    for path in folder.rglob("*.py"):
        for name in set(imported(path)) - sys.stdlib_module_names - TYPES_ONLY - {"distnet"}:
            found.setdefault(name, set()).add(path.relative_to(folder).as_posix())
    return found


def declared(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return {normalised(re.split(r"[\[<>=~!; ]", line)[0]) for line in lines}


def undeclared(found: dict[str, set[str]], names: set[str]) -> dict[str, set[str]]:
    """Imports that none of the named distributions brings."""
    bring = packages_distributions()
    absent = {one: [ABSENT.get(one, one)] for one in found}
    brought = {one: {normalised(name) for name in bring.get(one, absent[one])} for one in found}
    return {one: files for one, files in found.items() if not brought[one] & names}


def test_every_import_is_declared() -> None:
    optional = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = set(optional["optional-dependencies"]) - {"all", "dev", "check"}

    assert undeclared(foreign(ROOT / "distnet"), declared(*extras)) == {}


def test_an_import_that_another_package_brings_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import os, httpcore\nfrom PIL import Image\n")
    (tmp_path / "b.py").write_text("def f():\n    import h11._state\n    require_extra('mido.x')\n")

    found = undeclared(foreign(tmp_path), declared())

    assert found == {"httpcore": {"a.py"}, "h11": {"b.py"}, "mido": {"b.py"}}
    assert undeclared({"mido": {"b.py"}}, declared("music")) == {}
