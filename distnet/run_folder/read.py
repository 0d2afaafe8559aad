"""Read the small files of a run folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distnet.errors import RunError
from distnet.run_folder.paths import RunFolder


@dataclass(frozen=True)
class StoredPlan:
    """What a run keeps from its beginning, whichever machine resumes it."""

    job_folder: Path
    """What relative paths of the job count from."""
    precision: str
    """`fp32`, `tf32`, `bf16`; `auto` before the first attempt, where the hardware decides."""
    slices: int
    """The parts of every batch, so the most workers that the run can have."""
    code_sha256: str | None = None
    """Of the user's own code; empty if there is none, None in a run of an older version."""
    code: Mapping[str, str] = field(default_factory=dict)
    """By name, the sha256 of each file of it."""
    job_file: Mapping[str, str] = field(default_factory=dict)
    """By path, the sha256 of the user's job file, as it was when the run began."""
    outside: Mapping[str, str] = field(default_factory=dict)
    """By path, what identifies each file that it uses from elsewhere, unless it is installed."""
    packages: tuple[str, ...] = ()
    """The packages of the job with their versions, after the options with which pip finds them."""


def holds_run(folder: RunFolder) -> bool:
    """Whether a run was begun in this folder: its job and its plan are there."""
    return folder.job.is_file() and folder.plan.is_file()


def is_finished(folder: RunFolder) -> bool:
    """Whether the run has trained to its end.

    Raises:
        RunError: its result cannot be read or is damaged.
    """
    return read_object(folder.result).get("status") == "finished"


def read_plan(folder: RunFolder) -> StoredPlan:
    """Read the plan of a run.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        plan = json.loads(folder.plan.read_bytes())
        return StoredPlan(
            Path(plan["job_folder"]),
            str(plan["precision"]),
            int(plan.get("slices", 1)),
            plan.get("code_sha256"),
            dict(plan.get("code", {})),
            dict(plan.get("job_file", {})),
            dict(plan.get("outside", {})),
            tuple(map(str, plan.get("packages", ()))),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise RunError(
            f"{folder.plan}: missing or damaged ({reason}), and the run cannot be used without "
            "it; train the job again"
        ) from None


def describe_start(folder: RunFolder) -> str:
    """Say which weights a run began with; empty if it drew its first weights."""
    if not folder.start.exists():
        return ""
    start = read_object(folder.environment).get("start", {})
    if "file" in start:
        return f"{start['file']} (sha256 {str(start.get('sha256'))[:12]})"
    return f"step {start.get('step', '?')} of {start.get('run', 'another run')}"


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object; a missing file is an empty one.

    Raises:
        RunError: the file cannot be read or is damaged.
    """
    text = read_bytes(path)
    try:
        value = json.loads(text or b"{}")
    except (ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from None
    if not isinstance(value, dict):
        raise _damaged(path, f"found {type(value).__name__}, expected an object")
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


def _damaged(path: Path, why: str) -> RunError:
    return RunError(f"{path}: damaged: {why}; delete the file to continue without it")
