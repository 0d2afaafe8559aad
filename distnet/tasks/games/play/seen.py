"""From what is seen to the input of a network, and to the action that is best."""

import torch
from torch import Tensor, nn

from distnet.tasks.games.play.frames import Array

BRIGHTEST = 255.0


def as_input(seen: Tensor) -> Tensor:
    """Observations [n, ...]: numbers as they are, pixels from 0 to 1."""
    return seen.float() / BRIGHTEST if seen.dtype == torch.uint8 else seen


class FromSeen(nn.Module):
    """A network for an export: pixels come as they are seen, from 0 to 255, but as fp32."""

    def __init__(self, network: nn.Module, *, is_pixels: bool) -> None:
        super().__init__()
        self.network, self._brightest = network, BRIGHTEST if is_pixels else 1.0

    def forward(self, observations: Tensor) -> Tensor:
        """The value of each action, [n, actions]."""
        values: Tensor = self.network(observations / self._brightest)
        return values


@torch.no_grad()
def best_actions(network: nn.Module, observations: Array) -> Tensor:
    """The action of the highest value for each of the observations [n, ...]; int64 [n], on CPU."""
    device = next(network.parameters()).device
    values: Tensor = network(as_input(torch.from_numpy(observations).to(device)))
    return values.argmax(1).cpu()
