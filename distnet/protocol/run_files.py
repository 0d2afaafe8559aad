"""The files of a job's run, and the link to its report."""

from typing import Annotated

from pydantic import Field

from distnet.protocol.message import Message


class RunFile(Message):
    """One file of a run, as it was when the files were listed."""

    path: str
    """Below the run folder, with `/` between its parts."""
    num_bytes: Annotated[int, Field(ge=0)]
    version: Annotated[str, Field(pattern=r"^[0-9-]{1,60}$")]
    """Of this content; that of a file which only grows stays."""


class RunFilesResponse(Message):
    """The files that may be copied, by path: records, checkpoints, own code, logs."""

    files: tuple[RunFile, ...]
    missing: str = ""
    """Why the checkpoints are not among them, although the job keeps them in a folder."""

    @property
    def num_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.num_bytes for file in self.files)


class ReportResponse(Message):
    """A report that was drawn."""

    path: str
    """Where the page is, below the address of the server; the link is valid for a minute."""
    drawn_at: float
