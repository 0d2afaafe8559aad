"""What the callbacks of a job remember, in a checkpoint: plain values and tensors, no pickle.

A callback may have `state_dict` and `load_state_dict`, as in PyTorch and Lightning. Of each one
that keeps something, a tensor of bytes is beside the optimizer's vectors:

    state   what `state_dict` returned
    stop    why it ends training; only until the next step is made, which is the last one
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from distnet.errors import PartError
from distnet.spec.code.own_errors import own_errors
from distnet.train.checkpoint.plain_bytes import decoded, encoded
from distnet.train.device.arithmetic import settings_kept

PREFIX = "callback/"
METHODS = ("state_dict", "load_state_dict")


def require_both(cls: type[Any], what: str) -> None:
    """Refuse a class that could save a state without loading it, or load it without saving.

    Raises:
        PartError: it has one of the methods alone.
    """
    found = [method for method in METHODS if callable(getattr(cls, method, None))]
    if len(found) == 1:
        raise PartError(
            f"{what}: {cls.__name__} has {found[0]} alone, expected both of "
            f"{' and '.join(METHODS)}, or neither"
        )


def callback_tensors(callbacks: Mapping[str, Any], stops: Mapping[str, str]) -> dict[str, Tensor]:
    """Read what callbacks keep, by their names in a checkpoint; none for those that keep nothing.

    Args:
        callbacks: by name.
        stops: why some of them end training.

    Raises:
        PartError: state_dict raised an error, or returned what no checkpoint can hold.
    """
    found = {}
    for name, callback in callbacks.items():
        value = _state(name, callback) | ({"stop": stops[name]} if name in stops else {})
        if value:
            data = _encoded(name, value)
            found[f"{PREFIX}{name}"] = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    return found


def callback_states(tensors: Mapping[str, Tensor]) -> dict[str, bytes]:
    """What a checkpoint holds of callbacks, by their names."""
    return {
        name.removeprefix(PREFIX): tensor.numpy().tobytes()
        for name, tensor in tensors.items()
        if name.startswith(PREFIX)
    }


def restore_callback(name: str, callback: Any, data: bytes) -> str | None:
    """Give a callback the state that a checkpoint holds; returns why it ends training, if it does.

    Raises:
        PartError: load_state_dict raised an error.
    """
    value = decoded(data)
    load = getattr(callback, "load_state_dict", None)
    if load is not None and "state" in value:
        with own_errors(f"callback {name}: load_state_dict"), settings_kept():
            load(value["state"])
    stop: str | None = value.get("stop")
    return stop


def _state(name: str, callback: Any) -> dict[str, Any]:
    read = getattr(callback, "state_dict", None)
    if read is None:
        return {}
    with own_errors(f"callback {name}: state_dict"), settings_kept():
        return {"state": read()}


def _encoded(name: str, value: Any) -> bytes:
    try:
        return encoded(value)
    except TypeError as error:
        raise PartError(f"callback {name}: its state: {error}") from None
