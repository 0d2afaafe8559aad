"""Read the small files of a run folder; what is missing is empty, what is damaged is told."""

import json
from pathlib import Path
from typing import Any

from distnet.errors import RunError


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object; a missing file is an empty one.

    Raises:
        RunError: the file cannot be read or is damaged.
    """
    text = read_bytes(path)
    try:
        value = json.loads(text or b"{}")
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path}: damaged: {error}; delete the file to go on without it") from None
    if not isinstance(value, dict):
        raise RunError(f"{path}: damaged: expected an object; delete the file to go on without it")
    return value


def read_bytes(path: Path) -> bytes:
    """Read a file; a missing one is empty.

    Raises:
        RunError: the file cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from None
