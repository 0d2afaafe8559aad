"""Load a class from a user's own file, named as `./mynet.py:MyNet`."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from distnet.errors import UnknownPartError
from distnet.spec.reading.faults import shortened, unknown


def load_own_class(kind: str, *, folder: Path) -> type[Any]:
    """Load the class that `kind` names; a relative file is in `folder`.

    The file is read again each time, so that a notebook sees its changes.

    Raises:
        UnknownPartError: the file or the class is missing, or the file cannot be imported.
    """
    file, _, name = kind.rpartition(":") if not kind.endswith(".py") else (kind, "", "")
    if not file.endswith(".py"):
        raise UnknownPartError(f"found `{shortened(kind)}`, expected the form ./file.py:Class")
    path = Path(os.path.abspath(folder / file))
    module = _imported(path, written=file)
    cls = getattr(module, name, None)
    if isinstance(cls, type):
        return cls
    everything = vars(module).items()
    own = [n for n, c in everything if isinstance(c, type) and c.__module__ == module.__name__]
    raise UnknownPartError(f"{unknown('class', name, own)} in {path}")


def _imported(path: Path, *, written: str) -> ModuleType:
    source = _source(path, written)
    # Named by its path, it cannot shadow an installed module of the same name.
    module = ModuleType(str(path))
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        with _importable(path.parent):
            exec(compile(source, path, "exec"), module.__dict__)
    except (Exception, SystemExit) as error:  # whatever a user's file may raise
        del sys.modules[module.__name__]
        raise UnknownPartError(_described(error, path)) from error
    return module


def _source(path: Path, written: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UnknownPartError(
            f"found no file {path}, expected `{written}` there (relative to the job file's folder)"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnknownPartError(f"{path} cannot be read: {reason}") from None


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let the file import its neighbours."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _described(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.filename or path}:{error.lineno or 1} is not valid Python: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    line = next((f.lineno for f in reversed(frames) if f.filename == str(path)), 1)
    return f"{path}:{line} raised {type(error).__name__} when imported: {shortened(str(error))}"
