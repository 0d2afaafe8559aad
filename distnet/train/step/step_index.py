"""Which step of which epoch."""

from typing import NamedTuple


class StepIndex(NamedTuple):
    """One step, counted from 0; `name` counts from 1, as people do."""

    step: int
    epoch: int

    @classmethod
    def of(cls, step: int, steps_per_epoch: int) -> "StepIndex":
        """The step and the epoch that it is in."""
        return cls(step, step // steps_per_epoch)

    @property
    def name(self) -> str:
        """As in `step 938 (epoch 1)`."""
        return f"step {self.step + 1} (epoch {self.epoch + 1})"
