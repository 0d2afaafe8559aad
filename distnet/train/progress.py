"""Sums over the steps: since the last record, and since the beginning of the epoch."""

import time
from collections.abc import Mapping, Sequence

from distnet.spec.metric import LOSS
from distnet.tasks.task import Phase

PhaseSums = dict[str, tuple[float, ...]]
"""Of each phase: loss and weight, then the sum and the weight of each of its metrics."""


class Progress:
    """The sums of the steps. Every worker has them, since all see the same sums.

    Args:
        phases: of the task.
        epoch_sums: of the epoch so far.
        epoch_samples: of the epoch so far.
    """

    def __init__(
        self,
        phases: Sequence[Phase],
        epoch_sums: Mapping[str, tuple[float, ...]],
        epoch_samples: int,
    ) -> None:
        self._phases = phases
        self._sums: PhaseSums = {}
        self._samples, self._since = 0, time.monotonic()
        self._newest: Mapping[str, tuple[float, ...]] = {}
        self.epoch_sums: PhaseSums = dict(epoch_sums)
        self.epoch_samples = epoch_samples
        self._epoch_since, self._epoch_trained = self._since, 0

    def add(self, sums: Mapping[str, tuple[float, ...]], samples: int) -> None:
        """Count a step that moved the weights: the sums of each of its phases."""
        self._newest = sums
        for phase, numbers in sums.items():
            self._sums[phase] = plus(self._sums.get(phase), numbers)
            self.epoch_sums[phase] = plus(self.epoch_sums.get(phase), numbers)
        self._samples += samples
        self._epoch_trained += samples
        self.epoch_samples += samples

    def read(self) -> tuple[dict[str, float], float]:
        """Mean loss and metrics, and samples/s, since the last call."""
        means = means_of(self._phases, self._sums)
        speed = self._samples / max(time.monotonic() - self._since, 1e-9)
        self.pause()
        return means, speed

    def read_step(self) -> dict[str, float]:
        """Loss and metrics of the newest step alone."""
        return means_of(self._phases, self._newest)

    def read_epoch(self) -> dict[str, float]:
        """Mean loss and metrics of the epoch so far."""
        return means_of(self._phases, self.epoch_sums)

    def epoch_speed(self) -> float:
        """Samples/s of this attempt in the epoch so far, if only training was done."""
        return self._epoch_trained / max(time.monotonic() - self._epoch_since, 1e-9)

    def begin_epoch(self) -> None:
        """Count from zero."""
        self.epoch_sums, self.epoch_samples = {}, 0

    def rewind(self, epoch_sums: Mapping[str, tuple[float, ...]], epoch_samples: int) -> None:
        """Count the epoch from an earlier state of it."""
        self.epoch_sums, self.epoch_samples = dict(epoch_sums), epoch_samples

    def pause(self) -> None:
        """Drop time and sums since the last record: something other than training was done."""
        self._since, self._sums, self._samples = time.monotonic(), {}, 0

    def resume_epoch(self) -> None:
        """Measure the speed of the epoch that begins, or continues, from here."""
        self.pause()
        self._epoch_since, self._epoch_trained = self._since, 0


def means_of(phases: Sequence[Phase], sums: Mapping[str, tuple[float, ...]]) -> dict[str, float]:
    """Turn sums into the names and numbers of records.

    `loss` is that of the last phase; where there are several, each has a `<phase>_loss` besides.
    """
    means: dict[str, float] = {}
    for phase in phases:
        numbers = sums.get(phase.name)
        if numbers is None or not numbers[1]:
            continue
        means[LOSS.name] = numbers[0] / numbers[1]
        if len(phases) > 1:
            means[f"{phase.name}_loss"] = means[LOSS.name]
        pairs = zip(phase.metrics, numbers[2::2], numbers[3::2], strict=True)
        means |= {name: total / weight for name, total, weight in pairs if weight}
    return means


def plus(before: tuple[float, ...] | None, numbers: tuple[float, ...]) -> tuple[float, ...]:
    """Add sums to those before, if there are any."""
    if before is None:
        return numbers
    return tuple(a + b for a, b in zip(before, numbers, strict=True))
