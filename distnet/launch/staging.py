"""A copy of the user's own code for the time of a plan: what is checked is what a run will use."""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from distnet.errors import CodeWarning, RunError
from distnet.spec.code.collect import LARGEST_FILE, OwnCode
from distnet.spec.read import JobFile


@contextmanager
def staged(file: JobFile, code: OwnCode) -> Iterator[JobFile]:
    """The job file with its own code in a temporary copy, which is removed afterwards.

    Raises:
        RunError: the copy cannot be written.
    """
    if not code.files:
        yield file
        return
    with TemporaryDirectory(prefix="distnet-code-") as name:
        folder = Path(name).resolve()
        try:
            code.write(folder)
        except OSError as error:
            raise RunError(
                f"{folder}: cannot write a copy of the job's own code: {error.strerror}; "
                "free disk space"
            ) from None
        yield replace(file, code=folder)


def warn_of_unkept(job_folder: str, opened: Sequence[str]) -> None:
    """Warn of files beside the job file that own code opens there, and not in the run's copy."""
    beside = [
        os.path.relpath(path, job_folder)
        for path in opened
        if path.startswith(f"{job_folder}/")
        and not path.endswith(".py")
        and os.path.getsize(path) <= LARGEST_FILE
    ]
    if beside:
        text = (
            f"the job's code opens {', '.join(sorted(beside))} in the folder of the job file, as "
            "it is at the time, and not in the copy that a run keeps. Open it beside the code, as "
            f"Path(__file__).with_name({os.path.basename(beside[0])!r}), and name it in `files`"
        )
        warnings.warn(text, CodeWarning, stacklevel=3)
