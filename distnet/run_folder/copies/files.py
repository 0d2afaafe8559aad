"""Which files of a run another machine is given, and how their versions are named.

What only the machines that train need stays there: heartbeats, requests, locks. The report is
drawn anew from the records.
"""

import os
import re
from pathlib import Path

from distnet.run_folder.paths import RunFolder

RUN = RunFolder(Path())
RECORDS = frozenset(
    path.name
    for path in (
        *(RUN.job, RUN.plan, RUN.environment, RUN.data_manifest, RUN.metrics, RUN.result),
        *(RUN.evaluation, RUN.pictures),
    )
)
"""What a report is drawn of."""
CHECKPOINTS, CODE, EXPORT = RUN.checkpoints.name, RUN.code.name, "export"
GROWING = (RUN.metrics.name, f"{RUN.logs.name}/", f"{RUN.tensorboard.name}/")
FOLDERS = frozenset({CHECKPOINTS, CODE, EXPORT, RUN.logs.name, RUN.tensorboard.name})
CHECKPOINT = re.compile(r"step-[0-9]+")
UNSAFE = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
LONGEST = 1000


def is_copied(path: str) -> bool:
    """Whether a file of a run is copied: a path below its folder, with `/` between its parts.

    A path that could lead out of the folder is not.
    """
    parts = path.split("/")
    if UNSAFE.search(path) or len(path) > LONGEST or any(part in ("", ".", "..") for part in parts):
        return False
    if any(part.startswith(".partial-") for part in parts):  # being written
        return False
    if parts[0] == CHECKPOINTS:
        return checkpoint_of(path) is not None
    return parts[0] in FOLDERS if len(parts) > 1 else path in RECORDS | {RUN.start.name}


def checkpoint_of(path: str) -> str | None:
    """The checkpoint that a file belongs to, as `step-00000938`; None if it belongs to none."""
    parts = path.split("/")
    is_inside = len(parts) > 2 and parts[0] == CHECKPOINTS and CHECKPOINT.fullmatch(parts[1])
    return parts[1] if is_inside else None


def version_of(path: str, facts: os.stat_result) -> str:
    """Name the version of a file; while a file only grows, it is the same."""
    if path.startswith(GROWING):
        return f"{facts.st_ino}"
    return f"{facts.st_ino}-{facts.st_mtime_ns}"
