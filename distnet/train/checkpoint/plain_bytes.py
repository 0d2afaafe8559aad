"""Plain values and tensors as bytes, and back: no pickle.

A safetensors file in which `value` is JSON, and every tensor has a number that stands for it there.
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor


def encoded(value: Any) -> bytes:
    """Encode a value.

    Raises:
        TypeError: it holds something other than plain values and tensors.
    """
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_plain(value, tensors)).encode()
    value = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    data: bytes = save({"value": value, **tensors})
    return data


def decoded(data: bytes) -> Any:
    """Read what `encoded` wrote; tensors are on the devices on which they were."""
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
    "tensor": lambda content, tensors: tensors[content[0]].clone().to(content[1]),
    "array": lambda content, tensors: tensors[content].numpy(),
    "list": _restored_list,
    "tuple": lambda content, tensors: tuple(_restored_list(content, tensors)),
    "dict": _restored_dict,
}


def _kept(tensor: Tensor, tensors: dict[str, Tensor]) -> str:
    index = str(len(tensors))
    tensors[index] = tensor.detach().cpu().clone().contiguous()
    return index
