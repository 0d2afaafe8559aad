"""Images that cannot be read: an error that lists them, or left out and counted."""

from pathlib import Path

from distnet.data.images import MissingReaderError
from distnet.data.import_summary import Findings
from distnet.errors import DataError

MOST_FAULTS = 10
SKIP = "--skip-unreadable"


class Unreadable:
    """The images that could not be read so far; those of a format that is missing are left out.

    Args:
        findings: of the import.
        skip: whether to leave out the others as well.
    """

    def __init__(self, findings: Findings, *, skip: bool) -> None:
        self._findings, self._skip = findings, skip
        self._messages: list[str] = []
        self.files: set[Path] = set()

    def add(self, file: Path, error: DataError) -> None:
        """Count one image."""
        self.files.add(file)
        if isinstance(error, MissingReaderError):
            self._findings.left_out(
                "pictures", error.reason, example=str(file), option=error.remedy
            )
        elif self._skip:
            reason = str(error).removeprefix(f"{file}: ").rpartition("; ")[0]
            self._findings.left_out("pictures", reason, example=str(file), option="repair them")
        else:
            self._messages.append(str(error))

    def check(self) -> None:
        """Report those that were not left out.

        Raises:
            DataError: there are some.
        """
        if not self._messages:
            return
        lines = self._messages[:MOST_FAULTS]
        if len(self._messages) > MOST_FAULTS:
            lines.append(f"and {len(self._messages) - MOST_FAULTS} more images")
        raise DataError("\n".join([*lines, f"or leave such images out: {SKIP}"]))
