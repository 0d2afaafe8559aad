"""What an import read, left out, guessed and warns of: kept in the manifest, shown as one table.

A source reports to `Findings` while it reads; a finding that comes again is counted. Nothing that
a user might miss is left out, and nothing is guessed, without a finding.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from distnet.spec.plural import counted

MOST_LINES = 8
SECTIONS = ("read", "left_out", "guessed", "warnings")


class Finding(BaseModel):
    """One row of the summary."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    """What was read, left out or decided: `files that end in .txt`, `target column`."""
    value: str = ""
    """Of a guess: what was decided, such as `label`."""
    why: str = ""
    """The reason, or the rule of a guess."""
    count: int = Field(default=1, ge=0)
    example: str = ""
    """The first one, such as a path relative to the source."""
    option: str = ""
    """The option that decides it otherwise, or what to do about it."""


class ImportSummary(BaseModel):
    """All findings of an import."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read: tuple[Finding, ...] = ()
    left_out: tuple[Finding, ...] = ()
    guessed: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


@dataclass
class _Counted:
    count: int
    example: str


class Findings:
    """Collects the findings of one import.

    Findings of one section that agree in `what`, `value`, `why` and `option` are one row, with the
    sum of their counts and the first example.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[str, ...], _Counted] = {}
        self.source: Path | None = None
        """What is imported; the paths of examples are given from there."""

    def read(self, what: str, count: int = 1) -> None:
        """Report what was read: `files`, `columns`, `pictures`."""
        self._add("read", what, count=count)

    def left_out(
        self, what: str, why: str, *, example: str = "", count: int = 1, option: str = ""
    ) -> None:
        """Report what was not read, and why."""
        self._add("left_out", what, why=why, example=example, count=count, option=option)

    def guessed(
        self,
        what: str,
        value: str,
        why: str,
        *,
        example: str = "",
        count: int = 1,
        option: str = "",
    ) -> None:
        """Report what was decided without being set, by which rule, and the option that sets it."""
        self._add(
            "guessed", what, value=value, why=why, example=example, count=count, option=option
        )

    def warned(
        self, what: str, why: str = "", *, example: str = "", count: int = 1, option: str = ""
    ) -> None:
        """Report what was read as it is, but is probably not intended."""
        self._add("warnings", what, why=why, example=example, count=count, option=option)

    def summary(self) -> ImportSummary:
        """All findings so far; those of a section in the order in which they came first."""
        sections: Mapping[str, list[Finding]] = {section: [] for section in SECTIONS}
        for (section, what, value, why, option), row in self._rows.items():
            sections[section].append(
                Finding(
                    what=what,
                    value=value,
                    why=why,
                    option=option,
                    count=row.count,
                    example=self.relative(row.example),
                )
            )
        return ImportSummary(**{section: tuple(found) for section, found in sections.items()})

    def relative(self, path: str) -> str:
        """A path as seen from the source, where it is one below it."""
        if self.source is None:
            return path
        folder = self.source if self.source.is_dir() else self.source.parent
        return _valid(path).removeprefix(_valid(f"{folder}/"))

    def left_out_lines(self) -> list[str]:
        """What was left out so far, for the message of an error."""
        rows = self.summary().left_out
        lines = [
            f"left out: {row.count:,} {row.what}, such as {row.example}: {row.why}"
            + (f"; {row.option}" if row.option else "")
            for row in rows[:MOST_LINES]
        ]
        num_more = len(rows) - MOST_LINES
        more = [f"left out: {counted(num_more, 'more kind')}"] if num_more > 0 else []
        return lines + more

    def _add(
        self,
        section: str,
        what: str,
        *,
        value: str = "",
        why: str = "",
        option: str = "",
        example: str = "",
        count: int,
    ) -> None:
        key = (section, *map(_valid, (what, value, why, option)))
        row = self._rows.setdefault(key, _Counted(0, _valid(example)))
        row.count += count


def _valid(text: str) -> str:
    """Escape what is not valid Unicode, which names of files may hold."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
