"""Layers that get their shapes, and their first weights, from the first inputs that they see."""

import torch
from torch import nn

from distnet.errors import UnknownPartError

BLANK_SAMPLES = 2
"""Batch normalisation takes no single one."""


def materialise(network: nn.Module, shape: tuple[int, ...]) -> None:
    """Pass blank samples of this shape through a network, if it has lazy layers.

    Raises:
        UnknownPartError: the network does not accept them.
    """
    lazy = _lazy_names(network)
    if not lazy:
        return
    before = {n: b.clone() for n, b in network.named_buffers() if n not in lazy}
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(BLANK_SAMPLES, *shape))
    except Exception as error:  # the user's own code
        reason = str(error).strip().split("\n", 1)[0] or type(error).__name__
        raise UnknownPartError(
            f"the lazy layers ({lazy[0]}) cannot get their shapes from inputs {list(shape)} of "
            f"this dataset: {reason}"
        ) from None
    network.train()
    for name, buffer in network.named_buffers():
        if name in before:
            buffer.copy_(before[name])


def _lazy_names(network: nn.Module) -> list[str]:
    tensors = [*network.named_parameters(), *network.named_buffers()]
    return [name for name, tensor in tensors if nn.parameter.is_lazy(tensor)]
