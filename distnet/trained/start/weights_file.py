"""Weights in a file of another program: safetensors, or a `state_dict` that torch has saved.

Nothing in a file is executed: torch reads it with `weights_only=True`, which refuses every other
object than tensors and plain values.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from distnet.errors import RunError

INSIDE = ("state_dict", "model_state_dict", "model")
"""Where programs that save more than weights put them."""
EXPECTED = "a .safetensors file, or one of torch.save(network.state_dict(), ...)"


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file, by name.

    Raises:
        RunError: it cannot be read, or holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            return in_order(load(path.read_bytes()))
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from None
    except SafetensorError as error:
        raise RunError(f"{path} is no whole .safetensors file: {error}") from None
    except (pickle.UnpicklingError, EOFError, RuntimeError, ValueError, KeyError):
        # What torch says here recommends to load whatever is in the file.
        raise RunError(
            f"{path} is damaged, was not saved by torch, or holds other objects than tensors and "
            f"plain values, which are never loaded; expected {EXPECTED}. Of a whole pickled "
            "network, save its state_dict"
        ) from None
    return _tensors(found, path)


def in_order(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """By name: safetensors gives the tensors of a file in another order each time."""
    return dict(sorted(weights.items()))


def _tensors(found: Any, path: Path) -> dict[str, Tensor]:
    """The tensors of what a file holds, also one level below."""
    inside = [found[key] for key in INSIDE if isinstance(found, Mapping) and key in found]
    for each in (found, *inside):
        if isinstance(each, Mapping) and each and all(_is_weight(*pair) for pair in each.items()):
            return dict(each)
    what = type(found).__name__
    if isinstance(found, Mapping):
        what = f"a dict with the keys {', '.join(map(str, list(found)[:6])) or '(none)'}"
    raise RunError(f"{path} holds {what}, expected {EXPECTED}")


def _is_weight(name: object, value: object) -> bool:
    return isinstance(name, str) and isinstance(value, Tensor)
