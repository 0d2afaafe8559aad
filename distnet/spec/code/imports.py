"""What a Python file imports, read from its text; nothing is executed."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from distnet.spec.code.by_name import FUNCTIONS

IMPORTS_BY_NAME = frozenset({"import_module", "__import__"})
LISTS_MODULES = frozenset({"iter_modules", "walk_packages"})


@dataclass(frozen=True)
class Statement:
    """One import: `from ..module import names` has level 2."""

    module: str
    names: tuple[str, ...] = ()
    level: int = 0


@dataclass
class Imports:
    """All imports of a file, wherever they stand in it."""

    statements: list[Statement] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)
    """Packages of which a module is imported by a name that the file computes."""
    is_computed: bool = False
    """Whether it imports by a computed name that may belong to its own package."""
    exported: list[str] = field(default_factory=list)
    """The names in `__all__`, which `from package import *` imports."""


def read_imports(source: bytes) -> Imports:
    """Read the imports of a file; one that is not valid Python has none."""
    found = Imports()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.statements += [Statement(alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            found.statements.append(Statement(node.module or "", names, node.level))
        elif isinstance(node, ast.Call):
            _read_call(node, found)
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            found.exported += _exported(node)
    return found


def _read_call(node: ast.Call, found: Imports) -> None:
    """Read a call such as `import_module(f"models.{name}")`."""
    function = node.func
    name = getattr(function, "attr", None) or getattr(function, "id", None)
    if name in LISTS_MODULES:
        found.is_computed = True
    if name not in IMPORTS_BY_NAME | FUNCTIONS or not node.args:
        return
    argument = node.args[0]
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        module = argument.value.lstrip(".")
        level = len(argument.value) - len(module)
        found.statements.append(Statement(module, (), level))
    elif name not in IMPORTS_BY_NAME:
        return
    elif package := _beginning(argument).rpartition(".")[0]:
        found.packages.append(package)
    else:
        found.is_computed = True


def _beginning(node: ast.expr) -> str:
    """The constant text with which a computed text begins."""
    if isinstance(node, ast.Constant):
        return str(node.value).partition("{")[0].partition("%")[0]
    if isinstance(node, ast.JoinedStr) and node.values:
        return _beginning(node.values[0])
    if isinstance(node, ast.BinOp):
        return _beginning(node.left)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _beginning(node.func.value)
    return ""


def _exported(node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if node.value is None or "__all__" not in [getattr(each, "id", None) for each in targets]:
        return
    for each in ast.walk(node.value):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value
