"""What the content of samples says: copies across splits and classes, columns without a use."""

from collections import defaultdict
from collections.abc import Mapping
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Columns, RaggedArray, samples_of
from distnet.data.fields.field import Field
from distnet.data.sources.source import RawData
from distnet.data.survey.columns import ColumnSurvey
from distnet.data.survey.target_copies import TargetCopies

Digests = NDArray[np.uint64]


def content_digests(fields: Mapping[str, Field], columns: Columns) -> Digests:
    """A hash of 64 bits of the first field of each sample [n], in the units of the source."""
    name, field = next(iter(fields.items()))
    column = columns[name]
    if not isinstance(column, RaggedArray):
        column = field.in_units(column)
    hashes = (blake2b(sample.tobytes(), digest_size=8).digest() for sample in samples_of(column))
    return np.frombuffer(b"".join(hashes), "<u8")


class ContentSurvey:
    """Finds samples that are in two splits, images in two classes, columns without a use.

    Memory: 8 bytes a sample where the source has several splits, 12 where samples are images.

    Args:
        data: whose samples are added, in their order.
    """

    def __init__(self, data: RawData) -> None:
        first = next(iter(data.fields.values()))
        target = data.fields.get("y")
        self._data = data
        self._has_splits = len(data.splits) > 1 and not data.is_sequence
        self._has_labels = first.kind == "image" and target is not None and target.kind == "class"
        self._digests: dict[str, list[Digests]] = defaultdict(list)
        self._labels: dict[str, list[NDArray[np.int32]]] = defaultdict(list)
        self._columns, self._copies = ColumnSurvey(first.names), TargetCopies(data.fields)

    def add(self, split: str, columns: Columns, digests: Digests | None) -> None:
        """Add some samples of a split of the source, and the digests of their first field."""
        self._columns.add(split, next(iter(columns.values())))
        self._copies.add(columns)
        if digests is not None and (self._has_splits or self._has_labels):
            self._digests[split].append(digests)
            if self._has_labels:
                self._labels[split].append(np.asarray(columns["y"], np.int32))

    def report(self) -> None:
        """Report what was found."""
        self._columns.report(self._data.findings)
        self._copies.report(self._data.findings)
        digests = {split: np.concatenate(parts) for split, parts in self._digests.items()}
        if self._has_splits:
            self._report_copies(digests)
        if self._has_labels and digests:
            self._report_conflicts(digests)

    def _report_copies(self, digests: dict[str, Digests]) -> None:
        train = digests.get("train", np.zeros(0, np.uint64))
        for split, found in digests.items():
            copies = np.flatnonzero(np.isin(found, train)) if split != "train" else np.zeros(0)
            if copies.size:
                original = int(np.flatnonzero(train == found[copies[0]])[0])
                self._data.findings.warned(
                    f"samples of {split} that are in train as well",
                    f"results on {split} will be too good",
                    example=self._both((split, int(copies[0])), ("train", original)),
                    count=copies.size,
                    option="remove them from one of the splits",
                )

    def _report_conflicts(self, digests: dict[str, Digests]) -> None:
        """Report equal images of different classes."""
        every = np.concatenate(list(digests.values()))
        labels = np.concatenate([part for split in digests for part in self._labels[split]])
        order = np.lexsort((labels, every))
        is_same = every[order[1:]] == every[order[:-1]]
        differs = np.flatnonzero(is_same & (labels[order[1:]] != labels[order[:-1]]))
        if differs.size:
            two = [_sample_at(digests, index) for index in order[differs[0] : differs[0] + 2]]
            self._data.findings.warned(
                "equal images in different classes",
                "at most one of the classes can be right",
                example=self._both(*two),
                count=int(np.isin(every, every[order[differs]]).sum()),
                option="remove them from all classes but one",
            )

    def _both(self, *samples: tuple[str, int]) -> str:
        return " and ".join(self._name(*sample) for sample in samples)

    def _name(self, split: str, index: int) -> str:
        if self._data.locate is None:
            return f"sample {index} of {split}"
        return self._data.findings.relative(self._data.locate(split, index))


def _sample_at(digests: Mapping[str, Digests], position: int) -> tuple[str, int]:
    """The split, and the index in it, of the sample at a position in all splits together."""
    for split, found in digests.items():
        if position < len(found):
            return split, int(position)
        position -= len(found)
    raise IndexError(position)
