"""Describe what a user's own code raised, in one line with its location."""

import sysconfig
import traceback
from pathlib import Path

import distnet
from distnet.spec.code.messages import in_own_names, remedy

LIBRARIES = (
    sysconfig.get_path("stdlib"),
    sysconfig.get_path("purelib"),
    sysconfig.get_path("platlib"),
)


def describe(error: BaseException) -> str:
    """The error in one line, with the line of the user's own code that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith((*LIBRARIES, "<"))]
    package = str(Path(distnet.__file__).parent)
    users = [frame for frame in own if not frame.filename.startswith(package)]
    message = in_own_names(str(error).strip()) or "no message"
    text = f"{type(error).__name__}: {message}".splitlines()[0]
    if not (users or own):
        return f"{text}{remedy(error)}"
    frame = (users or own)[-1]
    return f"{text} (at {frame.filename}:{frame.lineno}, in {frame.name}){remedy(error)}"
