"""Which step of which epoch."""

from typing import NamedTuple

from distnet.data.order import Batches


class Place(NamedTuple):
    """One step's place, everything counted from 0; `name` counts from 1, as people do."""

    step: int
    epoch: int
    batch: int
    num_samples: int

    @classmethod
    def of(cls, batches: Batches, step: int) -> "Place":
        """The place of a step."""
        epoch, batch = divmod(step, batches.steps_per_epoch)
        low, high = batches.batch(batch)
        return cls(step, epoch, batch, high - low)

    @property
    def name(self) -> str:
        """As in `step 938 (epoch 1)`."""
        return f"step {self.step + 1} (epoch {self.epoch + 1})"
