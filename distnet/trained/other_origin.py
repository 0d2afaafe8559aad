"""Samples of another dataset in the units of the one that a network was trained on.

A column far from 0 is stored as the difference from an origin (`Field.origin`), which each import
chooses: the same time is another number in a dataset of next week.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from distnet.data.batch import Batch
from distnet.data.manifest import Manifest
from distnet.tasks.task import Networks
from distnet.train.feed import EvaluationFeed


def in_units_of(learned: Manifest, found: Manifest, feed: EvaluationFeed) -> EvaluationFeed:
    """The samples of `feed`, stored as in `found`, as `learned` stores them."""
    shifts = {
        name: torch.tensor(found.fields[name].origins - field.origins)
        for name, field in learned.fields.items()
        if found.fields[name].origin != field.origin
    }
    return _Shifted(feed, shifts) if shifts else feed


class _Shifted:
    """Samples with something added to some fields."""

    def __init__(self, feed: EvaluationFeed, shifts: Mapping[str, Tensor]) -> None:
        self._feed, self._shifts, self.length = feed, shifts, feed.length

    def take(self, low: int, high: int, networks: Networks) -> Batch:
        """The samples `low` to `high` (exclusive)."""
        batch = self._feed.take(low, high, networks)
        return batch.with_(
            **{name: (batch.tensor(name) + by).float() for name, by in self._shifts.items()}
        )

    def close(self) -> None:
        """Release what the feed holds."""
        self._feed.close()
