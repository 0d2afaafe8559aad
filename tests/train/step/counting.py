"""A module that `impure.py` imports as a user would: from beside it."""

from torch import Tensor

FIRST: dict[str, Tensor] = {}


def first_mean(h: Tensor) -> Tensor:
    return FIRST.setdefault("mean", h.detach().mean(0))
