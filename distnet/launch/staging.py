"""A copy of the user's own code for the time of a plan: what is checked is what a run will use."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from distnet.errors import RunError
from distnet.spec.code.collect import OwnCode
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
