"""Write a file whole or not at all."""

import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from distnet.errors import RunError


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` under a temporary name, then rename it to `path`.

    What is at `path` stays untouched where that fails, or where Ctrl-C ends it.

    Raises:
        RunError: it cannot be written.
    """
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # else the rename may outlive the content in a power cut
        partial.replace(path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise RunError(
            f"{path}: cannot be written: {error.strerror}; free disk space or fix the folder's "
            "permissions, then try again"
        ) from None


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all.

    Raises:
        RunError: it cannot be written.
    """
    write_whole(path, (to_json(value, indent=2) + "\n").encode())


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Write a value as JSON, with null for the NaN and the infinities that JSON does not have."""
    try:
        return json.dumps(value, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(finite(value), indent=indent)


def finite(value: Any) -> Any:
    """The value with None for NaN and infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return value
