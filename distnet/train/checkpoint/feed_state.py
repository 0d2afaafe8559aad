"""The state of a feed in a checkpoint: the bytes of each slice, beside the optimizer's vectors."""

from collections.abc import Mapping

import torch
from torch import Tensor

PREFIX = "feed/"


def feed_tensors(states: Mapping[int, bytes]) -> dict[str, Tensor]:
    """Turn the state of each slice into a tensor of bytes."""
    return {
        f"{PREFIX}{index}": torch.frombuffer(bytearray(state), dtype=torch.uint8)
        for index, state in sorted(states.items())
        if state
    }


def feed_states(tensors: Mapping[str, Tensor]) -> dict[int, bytes]:
    """Read the state of each slice back."""
    return {
        int(name.removeprefix(PREFIX)): tensor.numpy().tobytes()
        for name, tensor in tensors.items()
        if name.startswith(PREFIX)
    }
