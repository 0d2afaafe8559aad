"""Samples of another dataset, stored as in the one on which the network was trained.

Columns are found by their names, as another file may have them in another order. A column far from
0 is stored as the difference from an origin (`Field.origin`), which each import chooses: the same
time is another number in a dataset of next week. A class is stored as its index among the names of
its dataset: the same name is another number where a class is missing.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from distnet.data.batch import Batch
from distnet.data.fields.field import Field
from distnet.data.manifest import Manifest
from distnet.errors import DataError, DataWarning
from distnet.spec.plural import listed
from distnet.spec.printable import printable
from distnet.tasks.task import Networks
from distnet.train.feed import EvaluationFeed

MOST_NAMES = 5
TARGET = "y"
NONE = -1
"""The index of a class that was not learned: no loss takes it."""


def check_columns(dataset: Path, found: Field, learned: Field) -> None:
    """Check that a field has the columns that were learned, in any order.

    Raises:
        DataError: it has others.
    """
    if not found.names or sorted(found.names) == sorted(learned.names):
        return
    lacks = [name for name in learned.names if name not in found.names][:MOST_NAMES]
    more = [name for name in found.names if name not in learned.names][:MOST_NAMES]
    if lacks:
        raise DataError(
            f"{dataset}: it has the columns {', '.join(map(repr, more))}, but the network was "
            f"trained on {', '.join(map(repr, lacks))}; give a dataset with the same columns"
        )


def check_classes(dataset: Path, name: str, found: Field, learned: Field) -> None:
    """Check that a field has the classes that were learned; labels may lack some of them.

    A class that stands beside the target, such as the speaker of a recording, may be any.

    Raises:
        DataError: it has others.
    """
    if found.classes == learned.classes:
        return
    new = [each for each in found.classes if each not in learned.classes]
    if found.kind != "class" or (new and name == TARGET):
        raise DataError(
            f"{dataset}: its classes are {_listed(found.classes)}, but the network was trained on "
            f"{_listed(learned.classes)}; give a dataset of the same classes, or of some of them"
        )
    common, of = len(found.classes) - len(new), "" if name == TARGET else f" of {name}"
    warnings.warn(
        f"{dataset} has {common} of the {len(learned.classes)} classes{of} that the network"
        " was trained on; they are compared by their names"
        + (f"; others are none of them: {_listed(new)}" if new else ""),
        DataWarning,
        stacklevel=2,
    )


def as_learned(learned: Manifest, found: Manifest, feed: EvaluationFeed) -> EvaluationFeed:
    """The samples of `feed`, stored as in `found`, as `learned` stores them."""
    conversions = {
        name: conversion
        for name, field in learned.fields.items()
        if (conversion := _conversion(found.fields[name], field)) is not None
    }
    return _Converted(feed, conversions) if conversions else feed


def _conversion(found: Field, learned: Field) -> Callable[[Tensor], Tensor] | None:
    """How samples of a field are converted; None where they are stored alike."""
    if found.classes != learned.classes:
        index = {name: i for i, name in enumerate(learned.classes)}
        indices = torch.tensor([index.get(name, NONE) for name in found.classes])
        return lambda labels: indices[labels]
    if (found.names, found.origin) != (learned.names, learned.origin):
        return _Numbers(found, learned)
    return None


def _listed(names: Sequence[str]) -> str:
    return listed([printable(name) for name in names], MOST_NAMES)


class _Numbers:
    """From one field of numbers to another with the same columns."""

    def __init__(self, found: Field, learned: Field) -> None:
        in_order = list(range(len(found.names)))
        if found.names and learned.names:
            in_order = [found.names.index(name) for name in learned.names]
        self._columns = torch.tensor(in_order)
        origins = torch.tensor(found.origins)
        self._shift = self._ordered(origins) - torch.tensor(learned.origins)

    def __call__(self, numbers: Tensor) -> Tensor:
        """Convert samples [n, *shape]."""
        return (self._ordered(numbers) + self._shift).float()

    def _ordered(self, numbers: Tensor) -> Tensor:
        return numbers.index_select(-1, self._columns) if len(self._columns) else numbers


class _Converted:
    """The samples of a feed, some fields of them converted."""

    def __init__(
        self, feed: EvaluationFeed, conversions: Mapping[str, Callable[[Tensor], Tensor]]
    ) -> None:
        self._feed, self._conversions, self.length = feed, conversions, feed.length

    def take(self, low: int, high: int, networks: Networks) -> Batch:
        """The samples `low` to `high` (exclusive)."""
        batch = self._feed.take(low, high, networks)
        return batch.with_(
            **{name: to(batch.tensor(name)) for name, to in self._conversions.items()}
        )

    def close(self) -> None:
        """Release what the feed holds."""
        self._feed.close()
