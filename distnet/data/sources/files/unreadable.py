"""Files and folders that cannot be read: an error that lists them, or left out and counted."""

from distnet.data.images.decode import MissingReaderError
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

MOST_FAULTS = 10
SKIP = "--skip-unreadable"


class Unreadable:
    """What could not be read so far; files of a format that is missing are left out.

    Args:
        findings: of the import.
        skip: whether to leave out the others as well.
    """

    def __init__(self, findings: Findings, *, skip: bool) -> None:
        self._findings, self._skip = findings, skip
        self._messages: list[str] = []
        self.locations: set[str] = set()

    def add(self, location: str, error: DataError, what: str = "images") -> None:
        """Count one file, or one folder."""
        self.locations.add(location)
        if isinstance(error, MissingReaderError):
            self._findings.left_out(what, error.reason, example=location, option=error.remedy)
        elif self._skip:
            found = str(error).removeprefix(f"{location}: ")
            reason = found.rpartition("; ")[0] or found
            self._findings.left_out(what, reason, example=location, option="repair them")
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
            lines.append(f"and {len(self._messages) - MOST_FAULTS:,} more")
        raise DataError("\n".join([*lines, f"or leave them out: {SKIP}"]))
