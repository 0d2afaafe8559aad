"""Groups of parameters that an optimizer moves alike, as stretches of the flat vector."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

from torch import Tensor

from distnet.spec.sections.optimizer import Optimizer, group_of
from distnet.train.compute.player import Player


class Moves(NamedTuple):
    """How a parameter moves."""

    weight_decay: float = 0.0
    rate: float = 1.0
    """A factor of the learning rate."""
    first_step: int = 0
    """The step, from 0, before which it is frozen."""


@dataclass(frozen=True)
class MovedGroup:
    """Stretches of the flat vector whose parameters move alike."""

    slices: Sequence[slice]
    weight_decay: float = 0.0
    rate: float = 1.0
    first_step: int = 0

    def cut(self, vector: Tensor) -> list[Tensor]:
        """Its parts of a vector [P], as views."""
        return [vector[each] for each in self.slices]

    def is_frozen(self, step: int) -> bool:
        """Whether it does not move at `step`, from 0."""
        return step < self.first_step


def groups_of(player: Player, spec: Optimizer, steps_per_epoch: int = 1) -> list[MovedGroup]:
    """The groups of a player's parameters, those with the most weight decay first.

    Parameters that follow one another and move alike are one stretch.
    """
    stretches: dict[Moves, list[slice]] = {}
    start, before = 0, None
    of_all = moves_of(player, spec, steps_per_epoch)
    for moves, parameter in zip(of_all, player.parameters, strict=True):
        end, own = start + parameter.numel(), stretches.setdefault(moves, [])
        if moves == before:
            own[-1] = slice(own[-1].start, end)
        else:
            own.append(slice(start, end))
        start, before = end, moves
    in_order = sorted(stretches, key=lambda moves: -moves.weight_decay)
    return [MovedGroup(stretches[moves], *moves) for moves in in_order]


def moves_of(player: Player, spec: Optimizer, steps_per_epoch: int = 1) -> list[Moves]:
    """How each of a player's parameters moves."""
    pairs = zip(player.names, player.parameters, strict=True)
    return [_moves(names, each.ndim, spec, steps_per_epoch) for names, each in pairs]


def _moves(names: Sequence[str], num_dims: int, spec: Optimizer, steps_per_epoch: int) -> Moves:
    """How one parameter moves, by all of its names and its dimensions."""
    decay = spec.weight_decay if _is_decayed(names, num_dims, spec) else 0.0
    group = group_of(names, spec.groups)
    if group is None:
        return Moves(decay)
    frozen = group.frozen_epochs
    assert frozen != "all", "what is frozen for good is not trained"
    own = decay if group.weight_decay is None else group.weight_decay
    return Moves(own, group.rate, frozen * steps_per_epoch)


def _is_decayed(names: Sequence[str], num_dims: int, spec: Optimizer) -> bool:
    """Whether the optimizer's weight decay applies to a parameter."""
    if any(fnmatchcase(name, pattern) for name in names for pattern in spec.no_decay):
        return False
    return spec.decay == "all" or num_dims > 1
