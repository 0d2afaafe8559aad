"""Edits that turn what was heard into what was said: substitutions, deletions and insertions.

Source: the word error rate of Morris et al. 2004, counted by the package jiwer: a minimal
alignment of Levenshtein. Counts of all samples are added up and divided once, so long texts weigh
more, as is usual.
"""

from collections.abc import Sequence
from typing import NamedTuple

from distnet.spec.extras import require_extra


class Edits(NamedTuple):
    """How many there are of each kind."""

    substitutions: int
    deletions: int
    insertions: int
    said: int
    """Words that were said."""

    @property
    def total(self) -> int:
        """All edits."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Edits for each word that was said; above 1 where far too much was heard."""
        return self.total / max(1, self.said)


def count_edits(said: Sequence[str], heard: Sequence[str]) -> Edits:
    """Compare texts word by word; words are what spaces separate.

    Raises:
        UnknownPartError: the package jiwer is not installed.
    """
    jiwer = require_extra("jiwer", extra="audio", what="task transcribe")
    found = jiwer.process_words(list(said), list(heard))
    return Edits(
        found.substitutions,
        found.deletions,
        found.insertions,
        found.hits + found.substitutions + found.deletions,
    )
