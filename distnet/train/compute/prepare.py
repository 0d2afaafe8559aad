"""From samples as stored to the input of a network: augmented, scaled, mixed, laid out."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from distnet.data.batch import Batch
from distnet.data.scale import Scale

Transform = Callable[[Batch], Batch]


class Prepare:
    """Moves a batch to the device, and changes it there.

    Args:
        scales: the scaling of each field that has one; other fields stay as they are.
        device: where the network computes.
        transform: random changes; None for an evaluation.
        mix: mixes samples that are scaled; None for an evaluation.
        is_channels_last: whether images are laid out with their channels last.
    """

    def __init__(
        self,
        scales: Mapping[str, Scale],
        device: str,
        *,
        transform: Transform | None = None,
        mix: Transform | None = None,
        is_channels_last: bool = False,
    ) -> None:
        self.scales, self._device = scales, device
        self._transform, self._mix = transform, mix
        self._is_channels_last = is_channels_last

    def __call__(self, batch: Batch) -> Batch:
        """Prepare the samples of one slice."""
        if self._device != "cpu":
            batch = batch.to(self._device)
        if self._transform is not None:
            batch = self._transform(batch)
        given = {k: s for k, s in self.scales.items() if k in batch.fields}
        scaled = {k: self._scaled(batch.tensor(k), s) for k, s in given.items()}
        batch = Batch({**batch.fields, **scaled})
        return batch if self._mix is None else self._mix(batch)

    def _scaled(self, x: Tensor, scale: Scale) -> Tensor:
        x = scale(x)
        if self._is_channels_last and x.ndim == 4:
            return x.contiguous(memory_format=torch.channels_last)
        return x
