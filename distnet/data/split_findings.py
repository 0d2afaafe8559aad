"""What an import reports about splits and classes, whatever the source was."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Column, Columns, RaggedArray, samples_of
from distnet.data.fields.field import Field
from distnet.data.import_summary import Findings
from distnet.data.manifest import Split
from distnet.data.sources.source import RawData

Digests = NDArray[np.uint64]
FEWEST_ROWS = 10
"""Of which a column may be said to count the rows."""


def content_digests(column: Column) -> Digests:
    """A hash of 64 bits of the content of each sample [n]."""
    hashes = (blake2b(sample.tobytes(), digest_size=8).digest() for sample in samples_of(column))
    return np.frombuffer(b"".join(hashes), "<u8")


class ContentSurvey:
    """Finds samples of `test` that are in `train`, and columns that only count the rows.

    Memory: 8 bytes a sample where the source has several splits.

    Args:
        data: whose chunks are added, in their order.
    """

    def __init__(self, data: RawData) -> None:
        self._data = data
        self._first = next(iter(data.fields))
        self._has_copies = len(data.splits) > 1 and not data.is_sequence
        self._digests: dict[str, list[Digests]] = defaultdict(list)
        self._names = data.fields[self._first].names
        self._is_counting = np.ones(len(self._names), bool)
        self._last: dict[str, NDArray[Any]] = {}
        self._num_rows = 0

    def add(self, split: str, columns: Columns) -> None:
        """Add some samples of a split of the source."""
        column = columns[self._first]
        if self._has_copies:
            self._digests[split].append(content_digests(column))
        if self._is_counting.any() and not isinstance(column, RaggedArray):
            before = self._last.get(split, column[:1] - 1)
            steps = np.diff(np.concatenate([before, column]), axis=0)
            self._is_counting &= (steps == 1).all(axis=0)
            self._last[split] = column[-1:]
            self._num_rows += len(column)

    def report(self) -> None:
        """Report what was found."""
        if self._num_rows >= FEWEST_ROWS:
            self._report_counting()
        if self._has_copies:
            self._report_copies()

    def _report_counting(self) -> None:
        for index in np.flatnonzero(self._is_counting):
            name = self._names[index]
            self._data.findings.warned(
                "columns that count the rows",
                "their numbers say where a row stands, not what it holds",
                example=repr(name),
                option=f"--drop {name!r}",
            )

    def _report_copies(self) -> None:
        digests = {split: np.concatenate(parts) for split, parts in self._digests.items()}
        train = digests.pop("train", np.zeros(0, np.uint64))
        for split, found in digests.items():
            copies = np.flatnonzero(np.isin(found, train))
            if copies.size:
                self._data.findings.warned(
                    f"samples of {split} that are in train as well",
                    f"results on {split} will be too good",
                    example=f"sample {copies[0]} of {split}",
                    count=copies.size,
                    option="remove them from one of the splits",
                )


def report_splits(data: RawData, splits: Mapping[str, Split], test_fraction: float) -> None:
    """Report the samples of each split, how `test` was made, and that there is none."""
    findings = data.findings
    for name, split in splits.items():
        findings.read(f"samples of {name}", split.num_samples)
    if len(data.splits) == 1 and "test" in splits:
        rule = "the last samples" if data.is_sequence else "chosen by a hash of each sample"
        why = f"the source has one split; {rule}"
        findings.guessed("test split", f"{test_fraction:.0%}", why, option="--test-fraction")
    if "test" not in splits:
        others = [name for name in splits if name != "train"]
        option = f"evaluate.split: {others[0]} in the job file" if others else "--test-fraction 0.2"
        why = "a run evaluates on test, unless its job file names another split"
        findings.warned("no split called test", why, option=option)


def report_classes(fields: Mapping[str, Field], findings: Findings) -> None:
    """Report classes without samples in a split, and names that look alike."""
    for field in fields.values():
        if field.kind == "class":
            for split, counts in field.class_counts.items():
                _report_empty(field.classes, split, counts, findings)
            _report_lookalikes(field.classes, findings)


def _report_empty(
    classes: Sequence[str], split: str, counts: Sequence[int], findings: Findings
) -> None:
    empty = [name for name, count in zip(classes, counts, strict=True) if count == 0]
    if empty:
        why = "they cannot be learned" if split == "train" else "they are not measured"
        what = f"classes without samples in {split}"
        findings.warned(what, why, example=empty[0], count=len(empty))


def _report_lookalikes(classes: Sequence[str], findings: Findings) -> None:
    alike: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        alike[normalize("NFKC", name).casefold().strip()].append(name)
    for names in alike.values():
        if len(names) > 1:
            findings.warned(
                "classes whose names look alike",
                "they differ only in case, spaces or the form of letters",
                example=" and ".join(map(repr, names)),
                count=len(names),
                option="if they are one class, give them one name",
            )
