"""Errors of a user's own code: what it raised and where, or what it returned instead of what."""

import sysconfig
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from traceback import FrameSummary
from typing import Any

import distnet
from distnet.errors import DistnetError, PartError, UnknownPartError
from distnet.spec.code.messages import in_own_names, remedy

LIBRARIES = (
    sysconfig.get_path("stdlib"),
    sysconfig.get_path("purelib"),
    sysconfig.get_path("platlib"),
)
PACKAGE = str(Path(distnet.__file__).parent)
SHOWN_FRAMES = 3
"""The last lines of the user's own stack that a message shows."""
SHOWN_ITEMS = 4
"""Of a container that is described."""


@contextmanager
def own_errors(what: str, *, is_any: bool = True) -> Iterator[None]:
    """Turn what a part raises into one error that shows the user's own lines.

    Args:
        what: the part, such as `network ./mynet.py:MyNet`.
        is_any: also what is raised outside of the user's own files.

    Raises:
        PartError: the part raised an error.
    """
    try:
        yield
    except (DistnetError, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever a user's code may raise
        if not is_any and not _own_frames(error):
            raise
        # Lines of distnet or of a library would lead away from the part that is to be mended.
        text = f"{_headline(error)}{remedy(error)}{own_stack(error)}"
        raise PartError(f"{what} raised {text}") from error


def constructed(what: str, cls: type[Any], arguments: tuple[Any, ...], options: Any) -> Any:
    """Call the constructor of a part; its ValueError means that it does not fit the data.

    Raises:
        UnknownPartError: it raised an error.
    """
    with own_errors(what):
        try:
            return cls(*arguments, **options)
        except TypeError as error:
            if _own_frames(error):
                raise
            takes = ", ".join(described(each) for each in arguments)
            raise PartError(
                f"{what} cannot be made: {error}; its constructor is given {takes}, and its "
                "options by name"
            ) from error
        except ValueError as error:
            text = f"{what} does not fit the data: {error}{own_stack(error)}"
            raise UnknownPartError(text) from error


def describe(error: BaseException) -> str:
    """The error in one line, with the line of the user's own code that raised it."""
    frames = _own_frames(error) or _frames(error)
    where = f" (at {_location(frames[-1])})" if frames else ""
    return f"{_headline(error)}{where}{remedy(error)}"


def own_stack(error: BaseException) -> str:
    """The last lines of the user's own stack, each on a line of its own; empty if it has none."""
    frames = _own_frames(error)[-SHOWN_FRAMES:]
    return "".join(f"\n    {_location(frame)}: {frame.line or '?'}" for frame in frames)


def refusal(part: object, method: str, found: object, expected: str) -> PartError:
    """Make the error for a method that returned something other than expected.

    Args:
        part: the object whose method it is.
        method: its name.
        found: what it returned.
        expected: what it should have returned.
    """
    cls = type(part)
    return PartError(
        f"{cls.__name__}.{method} returned {described(found)}, expected {expected}"
        f"{_written_at(cls, method)}"
    )


def require_members(part: object, what: str, names: tuple[str, ...]) -> None:
    """Refuse a part that lacks some of these members.

    Raises:
        PartError: it does; all of them are listed.
    """
    missing = [name for name in names if getattr(part, name, None) is None]
    if missing:
        raise PartError(
            f"{what}: {type(part).__name__} has no {', '.join(missing)}; expected all of: "
            f"{', '.join(names)}"
        )


def described(value: Any) -> str:
    """Describe a value in a few words: `a Tensor [16, 10] of float32`, `a tuple of (...)`."""
    kind = type(value).__name__
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"a {kind} {list(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
    match value:
        case None | bool():
            return str(value)
        case str() | int() | float():
            return f"{kind} {_short(value)}"
        case Mapping():
            return f"a {kind} of {_some([str(key) for key in value])}"
        case list() | tuple():
            return f"a {kind} of {_some([described(each) for each in value[: SHOWN_ITEMS + 1]])}"
    return f"an object of the class {kind}"


def _written_at(cls: type[Any], method: str) -> str:
    """Where a method is written; of one that a library has, where its class is made."""
    for name in (method, "__init__"):
        code = getattr(getattr(cls, name, None), "__code__", None)
        if code is not None and not code.co_filename.startswith(LIBRARIES):
            return f" ({in_own_names(code.co_filename)}:{code.co_firstlineno})"
    return ""


def _some(texts: list[str]) -> str:
    more = ", ..." if len(texts) > SHOWN_ITEMS else ""
    return f"({', '.join(texts[:SHOWN_ITEMS])}{more})"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _headline(error: BaseException) -> str:
    message = in_own_names(str(error).strip()) or "no message"
    return f"{type(error).__name__}: {message}".splitlines()[0]


def _location(frame: FrameSummary) -> str:
    return f"{in_own_names(frame.filename)}:{frame.lineno}, in {frame.name}"


def _frames(error: BaseException) -> list[FrameSummary]:
    """The frames outside of Python's libraries, innermost last."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not frame.filename.startswith((*LIBRARIES, "<"))]


def _own_frames(error: BaseException) -> list[FrameSummary]:
    """The frames of the user's own files; of the error's cause where it has none itself."""
    found = [frame for frame in _frames(error) if not frame.filename.startswith(PACKAGE)]
    cause = error.__cause__ or error.__context__
    return found or ([] if cause is None else _own_frames(cause))
