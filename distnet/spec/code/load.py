"""Load a class from a user's own file, named as `./mynet.py:MyNet`."""

import os
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from distnet.errors import UnknownPartError
from distnet.spec.code.importer import import_file, is_own_name
from distnet.spec.code.messages import in_own_names, remedy
from distnet.spec.code.names import file_of, locate
from distnet.spec.code.own_errors import described
from distnet.spec.reading.faults import shortened, unknown


def load_own_class(kind: str, *, folder: Path) -> type[Any]:
    """Load the class that `kind` names; a relative file is in `folder`.

    It is executed again where it has changed, so that a notebook sees its changes.

    Args:
        kind: as in the job file.
        folder: that of the job file, or a copy of its code.

    Raises:
        UnknownPartError: the file or the class is missing, or the file cannot be imported.
    """
    written = file_of(kind)
    if written is None:
        raise UnknownPartError(f"found `{shortened(kind)}`, expected the form ./file.py:Class")
    name = kind.removeprefix(written).removeprefix(":")
    module = _imported(written, Path(os.path.abspath(folder)))
    cls, shown = getattr(module, name, None), os.path.normpath(written)
    if isinstance(cls, type):
        return cls
    everything = vars(module).items()
    own = [n for n, c in everything if isinstance(c, type) and c.__module__ == module.__name__]
    if not name:
        some = own or ["Class"]
        forms = ", ".join(f"`{shortened(written)}:{each}`" for each in some)
        raise UnknownPartError(f"found `{shortened(written)}` without a class, expected {forms}")
    if cls is not None:
        wrong = f"found `{shortened(name)}` in {shown}, which is {described(cls)}"
        raise UnknownPartError(f"{wrong}; expected a class")
    raise UnknownPartError(f"{unknown('class', name, own)} in {shown}")


def _imported(written: str, folder: Path) -> ModuleType:
    path = locate(written, folder)
    if not path.is_file():
        raise UnknownPartError(
            f"found no file {path}, expected `{written}` there (relative to the job file's folder)"
        )
    try:
        return import_file(path, folder)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a user's file may raise
        raise UnknownPartError(_described(error, os.path.normpath(written))) from error


def _described(error: BaseException, name: str) -> str:
    """What an own file raised when it was imported, with the line, which may be of another file."""
    if isinstance(error, SyntaxError):
        return f"{error.filename or name}:{error.lineno or 1} is not valid Python: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [f"{frame.filename}:{frame.lineno}" for frame in frames if is_own_name(frame.filename)]
    at = own[-1] if own else f"{name}:1"
    if isinstance(error, OSError) and not own:
        return f"{name} cannot be read: {error.strerror or error}"
    text = shortened(in_own_names(str(error)))
    return f"{at} raised {type(error).__name__} when imported: {text}{remedy(error)}"
