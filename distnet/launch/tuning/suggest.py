"""What the losses of a range test say about the learning rate: plain numbers, no training.

Source: Smith, "Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3. The
smoothing, the end and the rules are those of fastai's `lr_find` (Howard and Gugger 2020); decision
156 says which of them comes first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

KEPT = 0.98
"""The part of the running mean that each step keeps."""
MOST = 4.0
"""The loss diverges where the running mean is this many times its lowest value."""
SKIPPED_FIRST, SKIPPED_LAST = 10, 5
"""A tenth of the steps at the beginning, where the mean is of few, and five steps at the end."""
LEAST_POINTS = 10


@dataclass(frozen=True)
class Suggestion:
    """A rate, and the rule by which it was found."""

    rule: str
    rate: float
    loss: float
    """The smoothed loss at that rate."""


class RunningMean:
    """A mean that forgets, corrected for its beginning (Kingma and Ba 2015, section 3)."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def add(self, value: float) -> float:
        """Take in a value, and return the mean."""
        self._count += 1
        self._sum = KEPT * self._sum + (1 - KEPT) * value
        return self._sum / (1 - KEPT**self._count)


def is_diverged(mean: float, lowest: float) -> bool:
    """Whether a loss has left its lowest value for good; also of losses below 0."""
    return not mean <= lowest + (MOST - 1) * abs(lowest)


def suggest(
    rates: Sequence[float], losses: Sequence[float], smoothed: Sequence[float]
) -> tuple[list[Suggestion], str]:
    """Find the rates that three rules suggest, the best first; and why, if there is none.

    Args:
        rates: of the steps, rising.
        losses: of the steps.
        smoothed: their running mean.
    """
    part = slice(len(rates) // SKIPPED_FIRST, len(rates) - SKIPPED_LAST)
    rates, losses, means = rates[part], losses[part], smoothed[part]
    if len(rates) < LEAST_POINTS:
        return [], (
            "too few steps have a finite loss that has not diverged: begin with a lower rate "
            "(--from), or make more --steps"
        )
    lowest = min(range(len(means)), key=means.__getitem__)
    fall = max(means[: lowest + 1]) - means[lowest]
    if lowest == 0 or fall <= _noise(losses[: lowest + 1]) / 2:
        return [], (
            "the loss falls at none of these rates by more than its noise: try other rates "
            "(--from, --to), more --steps, or a larger train.batch_size"
        )
    found = {"steepest": _steepest(rates[: lowest + 1], means), "valley": _valley(means)}
    chosen = [Suggestion(rule, _rounded(rates[i]), means[i]) for rule, i in found.items()]
    tenth = _rounded(rates[lowest] / 10)
    at = max((i for i, rate in enumerate(rates) if rate <= tenth), default=0)
    return [*chosen, Suggestion("tenth of lowest", tenth, means[at])], ""


def _valley(means: Sequence[float]) -> int:
    """The middle of the longest fall: of the longest subsequence in which the loss only falls."""
    lengths = [1] * len(means)
    for i in range(1, len(means)):
        longest = (lengths[j] for j in range(i) if means[j] > means[i])
        lengths[i] = 1 + max(longest, default=0)
    end = max(range(len(means)), key=lengths.__getitem__)
    third = lengths[end] / 3
    return max(0, end - lengths[end] + int(third) + int(third / 2))


def _steepest(rates: Sequence[float], means: Sequence[float]) -> int:
    """The middle of the stretch, a fifth of all, over which the loss falls most.

    Unlike fastai, which takes two neighbours: there noise at the beginning is often steepest.
    """
    half = min(len(means) // 10, (len(rates) - 1) // 2)
    falls = {i: means[i + half] - means[i - half] for i in range(half, len(rates) - half)}
    return min(falls, key=falls.__getitem__)


def _noise(losses: Sequence[float]) -> float:
    """The deviation of single losses from their trend: of neighbours' differences, over root 2."""
    squares = [(one - other) ** 2 for one, other in pairwise(losses)]
    return math.sqrt(sum(squares) / len(squares) / 2)


def _rounded(rate: float) -> float:
    """To two digits: no rule is more exact than that."""
    return float(f"{rate:.2g}")
