"""One update in which a slice is computed twice and compared bit by bit."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from distnet.data.batch import Batch
from distnet.errors import NotReproducibleError
from distnet.tasks.task import Phase
from distnet.train.checkpoint.extra_state import extra_states, set_extra_states
from distnet.train.compute.slice_gradient import Gathered, SliceGradient
from distnet.train.compute.trainee import Trainee
from distnet.train.compute.turn import SliceId
from distnet.train.exchange.worker_group import WorkerGroup, gather
from distnet.train.inventory.digest import digests
from distnet.train.step.aging import counters, find_influence
from distnet.train.step.out_of_memory import try_twice
from distnet.train.step.plain_state import OwnParts, changed, plain_state
from distnet.train.step.verdict import (
    Circumstances,
    Finding,
    change_text,
    difference_text,
    differing,
    growing_text,
    influence_text,
)
from distnet.train.step.witness import Builder

GRADIENT = "the gradient of"


@dataclass(frozen=True)
class Watched:
    """What computing a slice must leave as it is, by name."""

    parameters: dict[str, int]
    shadow_buffers: dict[str, int]
    extra: dict[str, bytes]
    plain: dict[str, bytes]
    """Of these, only what has no influence may change."""

    @classmethod
    def of(cls, trainee: Trainee, own: OwnParts) -> "Watched":
        """Digest everything as it is now."""
        parameters = {
            name if network is trainee.flat.network else f"{key}: {name}": parameter.detach()
            for key, network in trainee.networks.items()
            for name, parameter in network.named_parameters()
        }
        buffers = {
            f"{key}: {name}": buffer
            for key, network in trainee.networks.items()
            for name, buffer in network.named_buffers()
            if network is not trainee.flat.network
        }
        return cls(
            _digested(parameters),
            _digested(buffers),
            extra_states(trainee.flat.network),
            plain_state(own),
        )


class Comparison:
    """Made before the slices of the update are computed.

    Args:
        trainee: what trains.
        group: the workers; each has a comparison of its own, and calls it like the others.
        builder: builds a second network.
        seen: the circumstances.
        of: the slice.
        is_batch_same: whether the same samples were taken twice, if they were.
    """

    def __init__(
        self,
        trainee: Trainee,
        group: WorkerGroup,
        builder: Builder,
        seen: Circumstances,
        of: SliceId,
        *,
        is_batch_same: bool,
    ) -> None:
        self._trainee, self._group, self._builder = trainee, group, builder
        self._seen, self._of = seen, of
        self._parts = row_parts(trainee, of.turn.phase)
        self._before, self._is_batch_same = Watched.of(trainee, builder.own), is_batch_same
        self._first: list[int] | None = None
        self._is_rebuilt = False
        self._samples: tuple[Batch, Gathered | None] | None = None

    def keep(self, of: SliceId, row: Tensor) -> None:
        """Digest the row of the slice, before others are added to it."""
        if of.slice == self._of.slice:
            self._first = self._digests(row, self._trainee.gradient)

    def run(
        self,
        batch: Callable[[SliceId], Batch],
        gathered: Mapping[int, Gathered],
        suspects: Sequence[str],
    ) -> tuple[list[str], str | None]:
        """Compute the slice again and compare.

        Args:
            batch: gives the samples of the slice.
            gathered: what each slice sees of the others.
            suspects: state that was seen to change before.

        Returns:
            State that changes without an influence, and a note about it for the user, if it grows.

        Raises:
            NotReproducibleError: something differs.
            TrainingError: a parameter was replaced by another tensor.
        """
        after = Watched.of(self._trainee, self._builder.own)
        if self._group.rank == self._seen.again:
            self._samples = batch(self._of), gathered.get(self._of.slice)
        findings = gather(self._group, self._finding(after))
        if text := change_text(findings, self._seen):
            self._trainee.flat.require_unchanged()  # says more about a parameter that was replaced
            raise NotReproducibleError(text)
        plain = list(dict.fromkeys(name for each in findings for name in each.plain))
        if wrong := differing(findings):
            thirds = gather(self._group, self._again(after))
            is_unstable = thirds[self._seen.again] != findings[self._seen.again].second
            names = [self._parts[index][0] for index in wrong]
            names.sort(key=lambda name: name.startswith(GRADIENT))  # they follow from the others
            seen = replace(self._seen, is_rebuilt=any(each.is_rebuilt for each in findings))
            text = difference_text(names, plain or suspects, seen, is_unstable=is_unstable)
            raise NotReproducibleError(text)
        growing = self._growing(plain, after) if plain else []
        return plain, growing_text(growing) if growing else None

    def _finding(self, after: Watched) -> Finding:
        before = self._before
        parameters = _differing(before.parameters, after.parameters)
        shadow_buffers = _differing(before.shadow_buffers, after.shadow_buffers)
        plain, extra = changed(before.plain, after.plain), changed(before.extra, after.extra)
        second = self._again(after)
        same, rebuilt = self._is_batch_same, self._is_rebuilt
        return Finding(self._first, second, parameters, shadow_buffers, extra, plain, same, rebuilt)

    def _growing(self, plain: list[str], after: Watched) -> list[str]:
        """The state that changes each time the same slice is computed; the same on all workers.

        Raises:
            NotReproducibleError: it is a counter that will have an influence later.
        """
        own = self._builder.own
        state, before = plain_state(own), _numbers(own, plain)
        if self._samples is not None:
            self._by_itself(after)
        own = self._builder.own
        mine = changed(state, plain_state(own))
        influence = self._influence(mine, before, _numbers(own, plain))
        every = gather(self._group, (mine, influence))
        for _, found in every:
            if found is not None:
                raise NotReproducibleError(influence_text(*found, self._seen))
        return [name for name in plain if any(name in names for names, _ in every)]

    def _influence(
        self, names: Sequence[str], before: Mapping[str, float], after: Mapping[str, float]
    ) -> tuple[str, int] | None:
        if not names or self._samples is None:
            return None
        witness = self._builder.build(self._before.extra)
        if witness is None:
            return None
        compute = partial(self._computed, witness.gradient)
        with witness.used(), suppress(ArithmeticError):  # numbers that no float holds
            return find_influence(witness.own, names, before, after, compute)
        return None

    def _again(self, after: Watched) -> list[int] | None:
        """Compute the slice and digest the parts of its row; None if it ran out of memory.

        Returns None on workers that do not compute it again, too.
        """
        if self._samples is None:
            return None
        extra = self._before.extra
        if self._seen.is_rebuilt and (witness := self._builder.build(extra)) is not None:
            # What was set up outside of its constructor is missing.
            with witness.used(), suppress(Exception):
                second = self._computed(witness.gradient)
                self._is_rebuilt = True
                return second
        return self._by_itself(after)

    def _by_itself(self, after: Watched) -> list[int] | None:
        """Compute the slice with the network that trains."""
        network = self._trainee.flat.network
        set_extra_states(network, self._before.extra)
        try:
            return self._computed(self._trainee.gradient)
        finally:
            set_extra_states(network, after.extra)

    def _computed(self, gradient: SliceGradient) -> list[int] | None:
        assert self._samples is not None
        layout = self._trainee.layouts[self._of.turn.phase.name]
        row = self._trainee.flat.vector.new_zeros(layout.length)
        problem = try_twice(partial(gradient.compute, row, self._of, *self._samples))
        return None if problem else self._digests(row, gradient)

    def _digests(self, row: Tensor, gradient: SliceGradient) -> list[int]:
        sizes = [size for _, size in self._parts[:-1]]
        in_row = torch.split(row[: sum(sizes)], sizes)
        return digests([*in_row, gradient.buffers.wide(self._of.slice)])


def _numbers(own: OwnParts, names: Sequence[str]) -> dict[str, float]:
    return {name: counter.value for name, counter in counters(own, names).items()}


def _digested(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    return dict(zip(tensors, digests(list(tensors.values())), strict=True))


def _differing(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(name for name, value in after.items() if before.get(name) != value)


def row_parts(trainee: Trainee, phase: Phase) -> list[tuple[str, int]]:
    """The parts of a phase's rows: what each is, and how many numbers it has.

    The last one is beside the row.
    """
    player = trainee.flat.players[phase.player]
    names = {id(p): name for name, p in trainee.flat.network.named_parameters()}
    gradients = [(f"{GRADIENT} `{names[id(p)]}`", p.numel()) for p in player.parameters]
    metrics = [(f"the metric `{name}`", 2) for name in phase.metrics]
    buffers = [(f"the buffer `{name}`", size) for name, size in player.buffers.parts()]
    beside = ("a buffer of 64 bits", 0)
    return [*gradients, ("the loss", 1), ("the weight of the loss", 1), *metrics, *buffers, beside]
