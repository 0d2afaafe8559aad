"""Pairs of lines that are translations of one another; those that cannot be used are faults."""

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.texts.languages import PairedFiles
from distnet.data.sources.texts.lines import read_lines
from distnet.data.survey.summary import Findings
from distnet.errors import DataError
from distnet.spec.plural import counted


class Pair(NamedTuple):
    """A line of each file, without the spaces around it."""

    row: int
    """From 1."""
    source: str
    target: str


class Fault(NamedTuple):
    """A pair that cannot be used."""

    location: str
    error: DataError | None
    """None where both lines are empty, as between the paragraphs of a text."""


def survey_pairs(texts: Iterable[PairedFiles], findings: Findings, unreadable: Unreadable) -> int:
    """Check all lines of some texts, and count the pairs that can be used.

    Raises:
        DataError: two files have unlike numbers of lines.
    """
    num_pairs = 0
    for files in texts:
        for pair in read_pairs(files):
            if isinstance(pair, Pair):
                num_pairs += 1
                _warn_of_equal(files, pair, findings)
            elif pair.error is None:
                why = "they are empty in both languages"
                findings.left_out("lines", why, example=pair.location)
            else:
                unreadable.add(pair.location, pair.error, "pairs")
    return num_pairs


def usable_pairs(texts: Iterable[PairedFiles]) -> Iterator[tuple[PairedFiles, Pair]]:
    """Go through the pairs that can be used."""
    for files in texts:
        for pair in read_pairs(files):
            if isinstance(pair, Pair):
                yield files, pair


def read_pairs(files: PairedFiles) -> Iterator[Pair | Fault]:
    """Go through the lines of two files together.

    Raises:
        DataError: one has more lines than the other.
    """
    lines = read_lines(files.source), read_lines(files.target)
    for row, (source, target) in enumerate(zip_longest(*lines), start=1):
        if source is None or target is None:
            more = 1 + sum(1 for _ in lines[source is None])
            raise _unlike_numbers(files, row, more, is_target_longer=source is None)
        yield _pair(files, row, source, target)


def _unlike_numbers(
    files: PairedFiles, row: int, more: int, *, is_target_longer: bool
) -> DataError:
    longer, shorter = files.source, files.target
    if is_target_longer:
        longer, shorter = shorter, longer
    return DataError(
        f"{longer}: found {counted(row - 1 + more, 'line')} here and {row - 1:,} in "
        f"{shorter.name}, expected as many; line {row:,} is the first without a partner, but one "
        "may be missing anywhere before; line n of one file must be the translation of line n of "
        "the other"
    )


def _pair(files: PairedFiles, row: int, source: bytes, target: bytes) -> Pair | Fault:
    texts = []
    for file, line in ((files.source, source), (files.target, target)):
        try:
            texts.append(line.decode().strip())
        except UnicodeDecodeError as error:
            found = f"{file}:{row}: not UTF-8 ({error.reason}); save the file as UTF-8"
            return Fault(f"{file}:{row}", DataError(found))
    if all(texts):
        return Pair(row, *texts)
    if not any(texts):
        return Fault(f"{files.source}:{row}", None)
    empty, other = files.source, files.target
    if texts[0]:
        empty, other = other, empty
    return Fault(f"{empty}:{row}", _empty(empty, other, row))


def _empty(file: Path, other: Path, row: int) -> DataError:
    return DataError(
        f"{file}:{row}: the line is empty, and that of {other.name} is not; write its "
        "translation, or empty both"
    )


def _warn_of_equal(files: PairedFiles, pair: Pair, findings: Findings) -> None:
    if pair.source == pair.target:
        why = "the same text is in both languages, as if it were not translated"
        location = f"{files.source}:{pair.row}"
        findings.warned("pairs of equal lines", why, example=location, option="remove them")
