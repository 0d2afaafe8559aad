"""Networks that follow the one that trains: moving averages, and copies at intervals.

Source: Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging"; Mnih et
al. 2015, "Human-level control through deep reinforcement learning" (the target network).
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Literal

import torch
from torch import Tensor, nn

from distnet.errors import UnknownPartError
from distnet.tasks.task import NETWORK, Networks, Shadow
from distnet.train.inventory.flat import FlatNetwork

OF_MODULES = frozenset(vars(nn.Module()))
"""The attributes that torch itself gives a module."""
Use = Literal["evaluation", "export"]
COUNT = "/updates"
"""Ends the name of the number of updates in a checkpoint; no tensor has a name like it."""


class ShadowNetwork:
    """One shadow: a frozen network with its own vector, at first equal to the other's.

    It is in evaluation mode, before the first evaluation as after it and after a resume: what it
    computes draws nothing and moves no statistics.

    Raises:
        UnknownPartError: the shadow has no rule, or two; or it follows no parameter.
    """

    def __init__(self, shadow: Shadow, flat: FlatNetwork) -> None:
        if (shadow.decay is None) == (shadow.every is None):
            raise UnknownPartError(f"shadow {shadow.name}: expected either decay or every")
        self.shadow, self._source = shadow, flat
        self._flat = FlatNetwork(
            copied(flat.network), str(flat.vector.device), flat.patterns, flat.views
        )
        self.network = self._flat.network.requires_grad_(False).eval()
        self._count = torch.zeros((), dtype=torch.int64)
        """The updates that it has followed; a part of its state where the average is corrected."""
        self._following = self._flat.stretches(shadow.source)
        self._followed = flat.stretches(shadow.source)
        if not self._followed:
            raise UnknownPartError(
                f"shadow {shadow.name}: no trainable parameter is named {shadow.source}"
            )

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Follow the weights after `step` steps."""
        every = self.shadow.every
        if every is not None and step % every:
            return
        self._count += 1
        weight = self._weight()
        for mine, theirs in zip(self._following, self._followed, strict=True):
            mine.lerp_(theirs, weight)
        if self.shadow.has_buffers:
            self._flat.buffers.write(self._source.buffers.read())

    def state(self) -> dict[str, Tensor]:
        """Its tensors (views), by their names in a checkpoint; shared memory stands there once."""
        prefix, tied = f"shadow/{self.shadow.name}/", {view.name for view in self._flat.views}
        weights = self._flat.weights()
        found = {f"{prefix}{name}": weights[name] for name in weights if name not in tied}
        return found | ({f"{prefix}{COUNT}": self._count} if self.shadow.is_corrected else {})

    def require_unchanged(self) -> None:
        """Refuse a shadow that holds other tensors than when training began.

        Raises:
            NetworkError: it does.
        """
        self._flat.require_unchanged()

    def restart(self) -> None:
        """Begin with the weights that the network has now."""
        with torch.no_grad():
            self._flat.vector.copy_(self._source.vector)
        self._flat.buffers.write(self._source.buffers.read())
        self._count.zero_()

    def _weight(self) -> float:
        """The part of the average that the newest weights have."""
        decay = self.shadow.decay
        if decay is None:
            return 1.0
        unseen = decay ** int(self._count) if self.shadow.is_corrected else 0.0
        return (1.0 - decay) / (1.0 - unseen)


def copied(network: nn.Module) -> nn.Module:
    """Copy a network, also one with attributes that Python cannot copy.

    Of tensors that were computed from parameters, as older forms of weight normalisation and
    pruning keep, the values are copied; other objects, such as locks and files, are shared.

    Raises:
        UnknownPartError: it cannot be copied.
    """
    try:
        return deepcopy(network)
    except Exception:  # whatever a user's object raises
        every = [pair for module in network.modules() for pair in vars(module).items()]
        values = [value for key, value in every if key not in OF_MODULES]
    memo = {id(each): _substitute(each) for each in values if not _iscopied(each)}
    try:
        return deepcopy(network, memo)
    except Exception as error:
        raise UnknownPartError(f"the network cannot be copied for a shadow: {error}") from None


def _iscopied(value: object) -> bool:
    try:
        deepcopy(value)
    except Exception:  # whatever a user's object raises
        return False
    return True


def _substitute(value: object) -> object:
    return value.detach().clone() if isinstance(value, Tensor) else value


def networks_of(flat: FlatNetwork, shadows: Sequence[ShadowNetwork]) -> Networks:
    """The network that trains and its shadows, by name."""
    return {NETWORK: flat.network, **{s.shadow.name: s.network for s in shadows}}


def networks_for(use: Use, networks: Networks, shadows: Sequence[Shadow]) -> Networks:
    """The same for an evaluation or an export, where a shadow may replace the network."""
    for shadow in shadows:
        if use in shadow.used_by:
            return {**networks, NETWORK: networks[shadow.name]}
    return networks
