"""What modules return from `get_extra_state`, in a checkpoint: plain values and tensors, no pickle.

Each module's state is one tensor of bytes beside the optimizer's vectors: a safetensors file in
which `value` is JSON, and every tensor has a number that stands for it there.
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from distnet.errors import NetworkError
from distnet.spec.code.own_errors import own_errors

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
                found[name] = _encoded(value)
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
                module.set_extra_state(_decoded(data))


def _encoded(value: Any) -> bytes:
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_plain(value, tensors)).encode()
    value = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    data: bytes = save({"value": value, **tensors})
    return data


def _decoded(data: bytes) -> Any:
    tensors = load(data)
    return _restored(json.loads(tensors["value"].numpy().tobytes()), tensors)


def _plain(value: Any, tensors: dict[str, Tensor]) -> Any:
    """A value as JSON: scalars as they are, anything else as {its kind: its content}."""
    content: Any
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            kind, content = "bytes", base64.b64encode(value).decode()
        case Tensor():
            kind, content = "tensor", [_kept(value, tensors), value.device.type]
        case np.ndarray() | np.generic():
            kind, content = "array", _kept(torch.from_numpy(np.array(value)), tensors)
        case list() | tuple():
            kind = "list" if isinstance(value, list) else "tuple"
            content = [_plain(each, tensors) for each in value]
        case dict():
            pairs = [[_plain(k, tensors), _plain(v, tensors)] for k, v in value.items()]
            kind, content = "dict", pairs
        case _:
            raise TypeError(
                f"found a {type(value).__name__}, expected numbers, texts, tensors, and lists and "
                "dicts of these: nothing in a checkpoint is pickled"
            )
    return {kind: content}


def _restored(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    return RESTORE[kind](content, tensors)


def _restored_list(content: list[Any], tensors: Mapping[str, Tensor]) -> list[Any]:
    return [_restored(each, tensors) for each in content]


def _restored_dict(content: list[Any], tensors: Mapping[str, Tensor]) -> dict[Any, Any]:
    return dict(_restored_list(pair, tensors) for pair in content)


RESTORE: dict[str, Callable[[Any, Mapping[str, Tensor]], Any]] = {
    "bytes": lambda content, _: base64.b64decode(content),
    "tensor": lambda content, tensors: tensors[content[0]].to(content[1]),
    "array": lambda content, tensors: tensors[content].numpy(),
    "list": _restored_list,
    "tuple": lambda content, tensors: tuple(_restored_list(content, tensors)),
    "dict": _restored_dict,
}


def _kept(tensor: Tensor, tensors: dict[str, Tensor]) -> str:
    index = str(len(tensors))
    tensors[index] = tensor.detach().cpu().clone().contiguous()
    return index
