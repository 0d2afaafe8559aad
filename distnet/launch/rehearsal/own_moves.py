"""The user's own optimizers, schedules and callbacks, tried out before anything starts.

An optimizer makes an update on a copy of the weights; then it, and a new one that was given its
state as after a resume, make another one from there. Both must move the weights to the same bits.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from distnet.errors import PartError, UnknownPartError
from distnet.launch.rehearsal.subject import Subject
from distnet.spec.named_parts import named_parts
from distnet.spec.read import JobFile
from distnet.spec.sections.optimizer import OwnOptimizer
from distnet.spec.sections.schedule import OwnSchedule
from distnet.spec.sections.section import OwnPart
from distnet.train.compute.player import Player
from distnet.train.own.callbacks import require_events
from distnet.train.own.optimizer import build_optimizer
from distnet.train.own.schedule import require_pure

LATE = 2**40
"""A step at which nothing is frozen."""


class _Moved(NamedTuple):
    """Weights after two updates, and the size of the optimizer's state."""

    weights: Tensor
    num_bytes: int


def try_optimizers(subject: Subject, gradients: Mapping[str, Tensor]) -> int:
    """Make updates with each optimizer that is the user's own.

    Args:
        subject: whose weights stay as they are.
        gradients: [P] of each player.

    Returns:
        The bytes of their states; 0 where all optimizers ship with distnet.

    Raises:
        PartError: one raises an error, or goes on in another way after a resume.
    """
    job, num_bytes = subject.file.job, 0
    for name, gradient in gradients.items():
        spec = job.player(name).optimizer
        if not isinstance(spec, OwnOptimizer):
            continue
        player, rate = subject.flat.players[name], spec.learning_rate
        whole = _moved(subject, player, gradient, rate, is_resumed=False)
        resumed = _moved(subject, player, gradient, rate, is_resumed=True)
        if not torch.equal(whole.weights.view(torch.int32), resumed.weights.view(torch.int32)):
            raise PartError(
                f"optimizer {spec.kind}: a new one that was given its state, as after a resume, "
                "moves the weights otherwise; keep all that an update needs in self.state and "
                "self.param_groups, as the optimizers of torch do"
            )
        num_bytes += whole.num_bytes
    return num_bytes


def try_schedules(file: JobFile, num_steps: int) -> None:
    """Ask each schedule that is the user's own for its factors.

    Raises:
        JobFileError: one raises an error, or its factors are not what they should be.
    """
    for key, part in named_parts(file.job).items():
        if isinstance(part, OwnSchedule):
            try:
                require_pure(part, file.code_folder, num_steps)
            except (PartError, UnknownPartError) as error:
                raise file.fault(f"{key}.kind", str(error)) from None


def check_callbacks(file: JobFile) -> None:
    """Refuse a callback without a method that is called. None is made: that may do anything.

    Raises:
        JobFileError: there is one.
    """
    for key, part in named_parts(file.job).items():
        if isinstance(part, OwnPart):
            try:
                require_events(file.load_part(key)[0], f"callback {part.kind}")
            except PartError as error:
                raise file.fault(f"{key}.kind", str(error)) from None


def _moved(
    subject: Subject, player: Player, gradient: Tensor, rate: float, *, is_resumed: bool
) -> _Moved:
    job, folder = subject.file.job, subject.file.code_folder
    copy = replace(player, vector=player.vector.clone())
    optimizer = build_optimizer(job, folder, 1, copy)
    optimizer.update(gradient.clone(), rate, LATE)
    if is_resumed:
        state, num_updates = optimizer.state, optimizer.num_updates
        optimizer = build_optimizer(job, folder, 1, copy)
        optimizer.load(state)
        optimizer.num_updates = num_updates
    optimizer.update(gradient * 0.5, rate, LATE + 1)
    return _Moved(copy.vector, sum(vector.nbytes for vector in optimizer.state.values()))
