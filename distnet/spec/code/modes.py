"""Modes of the files of a job's own code, as the umask of the process says.

An administrator sets it for all attempts (`run_folders: private`): a mode that is written out, such
as 0755, would let others on the nodes read what they should not.
"""

from pathlib import Path

READABLE = 0o444


def make_executable(path: Path) -> None:
    """Let those execute a file who may read it, as cp does with a program.

    Raises:
        OSError: it is not ours.
    """
    mode = path.stat().st_mode
    path.chmod(mode | (mode & READABLE) >> 2)
