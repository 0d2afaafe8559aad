"""What the next attempt must compute from a checkpoint, as this one would.

A checkpoint holds digests of one slice of the step that comes next. A resumed attempt computes that
slice first. So what differs in each process (the hash of a text, the order of a set, a variable of
the environment, a file) is found where it would change the weights: by the first resume.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from distnet.errors import NotReproducibleError
from distnet.spec.code.importer import packages_of
from distnet.tasks.checked import unwrapped
from distnet.train.checkpoint.checkpoint import State
from distnet.train.compute.generators import kept_generators
from distnet.train.compute.trainee import Trainee
from distnet.train.compute.turn import SliceId
from distnet.train.device.fingerprint import distinct
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.inventory.digest import digests
from distnet.train.step.comparison import GRADIENT, row_parts
from distnet.train.step.out_of_memory import try_twice
from distnet.train.step.verdict import process_text

EVERY = 100
"""Steps between checkpoints with digests, which cost a slice."""
PROOF = "proof"
"""The name of the digests in the facts of a checkpoint."""


class Prover:
    """Adds the digests to checkpoints: of a planned stop, and of others now and then.

    Args:
        trainee: what trains.
        group: the workers; the first one writes checkpoints.
        first_step: where the attempt begins.
    """

    def __init__(self, trainee: Trainee, group: WorkerGroup, first_step: int) -> None:
        self._trainee, self._is_writer = trainee, group.rank == 0
        self._last = first_step

    def proved(self, state: State, *, is_stop: bool) -> State:
        """The state of a checkpoint, with the digests if they are due."""
        if not self._is_writer or not (is_stop or state.step >= self._last + EVERY):
            return state
        self._last = state.step
        proof = _prove(self._trainee, state.step)
        return replace(state, facts={**state.facts, PROOF: proof}) if proof else state


def require_proof(
    trainee: Trainee, group: WorkerGroup, step: int, facts: Mapping[str, Any]
) -> None:
    """Compute the slice again, on machines and with code like those that wrote the checkpoint.

    Args:
        trainee: what trains, as restored.
        group: the workers; each of them does this for itself.
        step: of the checkpoint.
        facts: those of the checkpoint.

    Raises:
        NotReproducibleError: something differs.
    """
    before, is_alike = facts.get(PROOF), facts.get("devices") == distinct(group.fingerprints)
    if not before or not is_alike or facts.get("pieces") != trainee.gradient.pieces:
        return
    again = _prove(trainee, step)
    if again.get("code") != before["code"] or len(again["digests"]) != len(before["digests"]):
        return
    names = [name for name, _ in row_parts(trainee, trainee.turns[0].phase)]
    pairs = zip(names, before["digests"], again["digests"], strict=False)
    if differing := [name for name, then, now in pairs if then != now]:
        differing.sort(key=lambda name: name.startswith(GRADIENT))  # they follow from the others
        raise NotReproducibleError(process_text(step, differing))


def _prove(trainee: Trainee, step: int) -> dict[str, Any]:
    """Compute a slice of `step`, counted from 0, with the weights as they are now.

    Returns:
        Digests of the parts of its row, and of which code; empty where nothing of it is a user's
        own, or where the slice cannot be computed apart from others.
    """
    is_own = packages_of(trainee.flat.network, unwrapped(trainee.task))
    is_apart = not trainee.feed.has_state and not hasattr(trainee.task, "embed")
    if not is_own or not is_apart or trainee.job.train.guard == "off" or step >= trainee.num_steps:
        return {}
    of = SliceId(trainee.turns[0], step, step % trainee.job.num_slices)
    sizes = [size for _, size in row_parts(trainee, of.turn.phase)[:-1]]
    row = torch.zeros(trainee.layouts[of.turn.phase.name].length, device=trainee.flat.vector.device)
    with kept_generators(trainee.flat.vector.device):
        batch = trainee.take(of)
        problem = try_twice(lambda: trainee.gradient.compute(row, of, batch))
    trainee.gradient.reset_buffers()
    parts = torch.split(row[: sum(sizes)], sizes)
    return {} if problem else {"code": trainee.folder.name, "digests": digests(parts)}
