"""What modules return from `get_extra_state`, in a checkpoint: plain values and tensors, no pickle.

Each module's state is one tensor of bytes beside the optimizer's vectors.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from distnet.errors import NetworkError
from distnet.spec.code.own_errors import own_errors
from distnet.train.checkpoint.plain_bytes import decoded, encoded

PREFIX = "extra/"


def extra_tensors(network: nn.Module) -> dict[str, Tensor]:
    """Read the extra state of all modules that have one, by their names in a checkpoint.

    Raises:
        NetworkError: a state holds something other than plain values and tensors.
    """
    return {
        f"{PREFIX}{name}": torch.frombuffer(bytearray(data), dtype=torch.uint8)
        for name, data in extra_states(network).items()
    }


def has_extra_state(module: nn.Module) -> bool:
    """Whether a module defines what its extra state is."""
    return type(module).get_extra_state is not nn.Module.get_extra_state


def extra_states(network: nn.Module) -> dict[str, bytes]:
    """The extra state of each module that has one, by the module's name.

    Raises:
        NetworkError: a state holds something other than plain values and tensors.
        PartError: get_extra_state raised an error.
    """
    found = {}
    for name, module in network.named_modules():
        if has_extra_state(module):
            what = f"network: get_extra_state of {name or type(module).__name__}"
            with own_errors(what):
                value = module.get_extra_state()
            try:
                found[name] = encoded(value)
            except TypeError as error:
                raise NetworkError(f"{what}: {error}") from None
    return found


def restore_extra(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give the modules the extra state that a checkpoint holds."""
    set_extra_states(
        network,
        {
            name.removeprefix(PREFIX): tensor.numpy().tobytes()
            for name, tensor in tensors.items()
            if name.startswith(PREFIX)
        },
    )


def set_extra_states(network: nn.Module, states: Mapping[str, bytes]) -> None:
    """Give the modules values of `extra_states`."""
    modules = dict(network.named_modules())
    for name, data in states.items():
        if name in modules:
            module = modules[name]
            with own_errors(f"network: set_extra_state of {name or type(module).__name__}"):
                module.set_extra_state(decoded(data))
