"""A user's own `torch.optim.Optimizer` on the flat vector: parameter by parameter, in its shape.

Every worker makes the same update from the same gradient, so an optimizer needs no communication.
What it draws comes from generators that are seeded for each update. Its whole state, tensors and
plain values alike, is one tensor of bytes in a checkpoint.
"""

from collections.abc import Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from distnet.errors import PartError
from distnet.spec.code.own_errors import own_errors
from distnet.spec.parts import PASSED, load_own_part
from distnet.spec.sections.job import Job
from distnet.spec.sections.optimizer import OwnOptimizer
from distnet.train.checkpoint.plain_bytes import decoded, encoded
from distnet.train.compute.generators import seed_generators
from distnet.train.compute.groups import Moves, groups_of, moves_of
from distnet.train.compute.optimizer import FlatOptimizer, PlayerOptimizer
from distnet.train.compute.player import Player

STATE = "own"
"""Its name among the vectors of a checkpoint."""
DRAWS = -2
"""Sets the generators of an optimizer apart from those of slices."""


def build_optimizer(
    job: Job, folder: Path, steps_per_epoch: int, player: Player
) -> PlayerOptimizer:
    """Make what moves the weights of one player: a shipped optimizer, or the user's own.

    Args:
        job: the job.
        folder: where the user's own files are.
        steps_per_epoch: of the run.
        player: whose weights it moves.

    Raises:
        UnknownPartError: the user's own cannot be loaded or made.
    """
    spec = job.player(player.name).optimizer
    if isinstance(spec, OwnOptimizer):
        return FlatOwnOptimizer(spec, player, folder, steps_per_epoch, job.train.seed)
    return FlatOptimizer(spec, player.vector, groups_of(player, spec, steps_per_epoch))


class FlatOwnOptimizer:
    """One of the job file's optimizers that is the user's own, on the weights of one player.

    Args:
        spec: the job file's section.
        player: whose weights it moves.
        folder: where the user's own files are.
        steps_per_epoch: of the run.
        seed: the job's.

    Raises:
        UnknownPartError: it cannot be loaded.
        PartError: it is no optimizer of torch, raised an error, or lacks what the job file sets.
    """

    def __init__(
        self, spec: OwnOptimizer, player: Player, folder: Path, steps_per_epoch: int, seed: int
    ) -> None:
        self.num_updates = 0
        self._what, self._seed = f"optimizer {spec.kind}", seed
        cls, options = load_own_part(spec, folder=folder)
        if not issubclass(cls, torch.optim.Optimizer):
            raise PartError(f"{self._what}: expected a subclass of torch.optim.Optimizer")
        self._pieces = _pieces(player)
        self._parameters = [nn.Parameter(piece) for piece in _views(player, player.vector)]
        moves = moves_of(player, spec, steps_per_epoch)
        self._moves = list(dict.fromkeys(moves))
        self._members = [[i for i, own in enumerate(moves) if own == each] for each in self._moves]
        taken = set(signature(cls).parameters) & set(PASSED)
        if "weight_decay" not in taken and any(each.weight_decay for each in moves):
            raise PartError(
                f"{self._what}: found weight_decay above 0, which the constructor of "
                f"{cls.__name__} does not take"
            )
        groups = [self._group(index, spec, taken) for index in range(len(self._moves))]
        passed = {name: getattr(spec, KEYS[name]) for name in taken}
        with own_errors(self._what):
            self._optimizer: Any = cls(groups, **passed, **options)

    @property
    def state(self) -> dict[str, Tensor]:
        """All that it keeps, as one tensor of bytes.

        Raises:
            PartError: it keeps something other than tensors and plain values.
        """
        held = self._optimizer.state
        value = {
            "parameters": [dict(held.get(each, {})) for each in self._parameters],
            "shared": {k: v for k, v in held.items() if not isinstance(k, Tensor)},
            "groups": [_settings(group) for group in self._optimizer.param_groups],
        }
        try:
            data = encoded(value)
        except TypeError as error:
            raise PartError(f"{self._what}: its state: {error}") from None
        return {STATE: torch.frombuffer(bytearray(data), dtype=torch.uint8)}

    def load(self, vectors: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        value = decoded(vectors[STATE].cpu().numpy().tobytes())
        held = self._optimizer.state
        held.clear()
        held.update(value["shared"])
        for parameter, own in zip(self._parameters, value["parameters"], strict=True):
            if own:
                held[parameter] = own
        for group, settings in zip(self._optimizer.param_groups, value["groups"], strict=True):
            group.update(settings)

    @torch.no_grad()
    def update(self, gradient: Tensor, rate: float, step: int) -> None:
        """Move the weights by one update.

        Args:
            gradient: [P].
            rate: the learning rate.
            step: the step of the run, from 0: what is frozen then has no gradient, as in torch.

        Raises:
            PartError: the optimizer raised an error, or did not change its parameters in place.
        """
        self.num_updates += 1
        views = [gradient[piece] for piece in self._pieces]
        for group, moves, members in self._groups():
            group["lr"] = rate * moves.rate
            for index in members:
                parameter = self._parameters[index]
                is_frozen = step < moves.first_step
                parameter.grad = None if is_frozen else views[index].view(parameter.shape)
        before = [parameter.data_ptr() for parameter in self._parameters]
        seed_generators(gradient.device, self._seed, step, DRAWS)
        with own_errors(self._what):
            self._optimizer.step()
        for parameter in self._parameters:
            parameter.grad = None
        if [parameter.data_ptr() for parameter in self._parameters] != before:
            raise PartError(f"{self._what}: expected a step that changes parameters in place")

    def frozen(self, step: int) -> list[slice]:
        """The stretches of the weights that do not move at `step`."""
        frozen = [of for _, moves, of in self._groups() if step < moves.first_step]
        return [self._pieces[index] for members in frozen for index in members]

    def _groups(self) -> list[tuple[dict[str, Any], Moves, list[int]]]:
        groups = self._optimizer.param_groups
        return list(zip(groups, self._moves, self._members, strict=True))

    def _group(self, index: int, spec: OwnOptimizer, taken: set[str]) -> dict[str, Any]:
        """The parameters that move alike, as torch takes them."""
        moves = self._moves[index]
        group: dict[str, Any] = {"params": [self._parameters[i] for i in self._members[index]]}
        group["lr"] = spec.learning_rate * moves.rate
        return group | ({"weight_decay": moves.weight_decay} if "weight_decay" in taken else {})


KEYS = {"lr": "learning_rate", "weight_decay": "weight_decay"}
"""The key of the job file for each argument that distnet passes by name."""


def _pieces(player: Player) -> Sequence[slice]:
    """Where each parameter is in the vector."""
    found, start = list[slice](), 0
    for parameter in player.parameters:
        found.append(slice(start, start + parameter.numel()))
        start = found[-1].stop
    return found


def _views(player: Player, vector: Tensor) -> list[Tensor]:
    pairs = zip(_pieces(player), player.parameters, strict=True)
    return [vector[piece].view(parameter.shape) for piece, parameter in pairs]


def _settings(group: Mapping[str, Any]) -> dict[str, Any]:
    """What an optimizer may have changed of a group; the rate is set anew at each update."""
    return {key: value for key, value in group.items() if key not in ("params", "lr")}
