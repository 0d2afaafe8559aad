"""Parameters that learn nothing: no loss depends on them, or they are not the network's own."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from torch import Tensor

from distnet.data.batch import Batch
from distnet.launch.rehearsal.subject import Subject
from distnet.spec.code.fresh import own_modules
from distnet.spec.code.importer import packages_of
from distnet.spec.plural import listed
from distnet.tasks.checked import unwrapped
from distnet.train.compute.slice_gradient import SliceGradient, weigh
from distnet.train.compute.turn import SliceId, Turn
from distnet.train.step.plain_state import OwnParts, slots, watched_elsewhere
from distnet.train.step.values import Slot, children

MOST_VISITED = 10_000
"""Values in which they are looked for."""


def idle_names(
    subject: Subject, gradient: SliceGradient, turns: Sequence[Turn], batch: Batch
) -> list[str]:
    """The parameters on which no loss of a step depends, on these samples."""
    idle: dict[str, set[str]] = {}
    for turn in turns:
        player = subject.flat.players[turn.phase.player]
        prepared = gradient.prepared(SliceId(turn, 0, 0), batch)
        loss = weigh(gradient.loss(prepared, turn.phase), turn.phase, len(batch))[0]
        names = player.without_gradient(loss) if loss.requires_grad else set[str]()
        idle[player.name] = idle.get(player.name, names) & names
    gradient.reset_buffers()
    return [name for names in idle.values() for name in sorted(names)]


def idle_note(names: Sequence[str]) -> str:
    """Say that these parameters get no gradient."""
    return (
        f"the loss of the first samples does not depend on {listed(names, 1)}, so they get no "
        "gradient: is a layer left out in forward, or its output detached?"
    )


def untrained_note(subject: Subject) -> str | None:
    """Say which tensors require a gradient without being parameters of the network; None if none.

    They are found in attributes, lists and dictionaries of the network, and in the task.
    """
    found = list(_untrained(subject))
    if not found:
        return None
    return (
        f"{listed(found, 1)} require a gradient, but are not parameters of the network, so they "
        "are neither trained nor saved. Make them nn.Parameter and modules of the network, also in "
        "nn.ModuleList or nn.ParameterList instead of a list, or set requires_grad_(False)"
    )


def _untrained(subject: Subject) -> Iterator[str]:
    packages = packages_of(subject.flat.network, unwrapped(subject.task))
    own = OwnParts(subject.networks, subject.task, own_modules(packages))
    known = set(watched_elsewhere(subject.networks))
    roots = (slot for slot in slots(own) if slot.name.startswith(("self.", "task.")))
    pending: deque[Slot] = deque(roots)
    for _ in range(MOST_VISITED):
        if not pending:
            return
        slot = pending.popleft()
        if id(slot.value) in known or isinstance(slot.value, str | bytes):
            continue
        known.add(id(slot.value))
        if isinstance(slot.value, Tensor):
            if slot.value.is_leaf and slot.value.requires_grad:
                yield slot.name
            continue
        parts = islice(children(slot.value), MOST_VISITED)
        pending.extend(replace(part, name=f"{slot.name}{part.name}") for part in parts)
