"""Which jobs of the queue can do nothing but wait, as things stand, and why.

Between two decisions nothing changes, so a whole piece of the queue is looked at once: what a job
could do is a comparison of the columns of the queue with the slots of its kind at each moment, and
so is why it waits. The few that could do more than wait are considered one by one (`allocator.py`).
"""

import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np

from distnet.scheduler.blockers import Blockers
from distnet.scheduler.capacity.availability import Availability
from distnet.scheduler.columns import Bools, Ints, Jobs
from distnet.scheduler.expansion.capacity import Expansion
from distnet.scheduler.expansion.reasons import problem_reason
from distnet.scheduler.limits.teams import MAX_BLOCKERS, LimitReason, TeamLimits
from distnet.scheduler.limits.waiting import QueueLimits
from distnet.scheduler.preemption import Preemption
from distnet.scheduler.reasons import (
    CapacityReason,
    Unusable,
    behind_reason,
    borrowing_reason,
    head_reason,
    reserved_reason,
    team_head_reason,
)
from distnet.scheduler.reservation import Reservation
from distnet.scheduler.view import JobRequest, View, Wait

FEWEST, MOST = 64, 4096
"""Jobs that are looked at together: few after a decision, more where none follows."""
_Why = tuple[object, tuple[int, ...]]
"""Reason and blockers."""
make_wait = partial(tuple.__new__, Wait)
make_reason = partial(tuple.__new__, CapacityReason)
"""Both of a tuple of all fields, as `_make`, but several times as fast."""

NAMES = ("no-room", "behind", "reserved", "quota", "quota")
NO_ROOM, BEHIND, RESERVED, QUOTA, TEAM_HEAD = range(len(NAMES))


class Waits:
    """What the jobs of the queue wait for.

    Args:
        view: the state of the cluster.
        queue: the jobs in their order.
        may_reserve: which of them may have the reservation.
        availability: what is free.
        expansion: nodes that can be added.
        limits: of teams.
        preemption: says which jobs may find victims.
    """

    def __init__(
        self,
        view: View,
        queue: Jobs,
        may_reserve: Bools,
        availability: Availability,
        *,
        expansion: Expansion,
        limits: TeamLimits,
        preemption: Preemption,
    ) -> None:
        size = len(queue.jobs)
        self.reservation: Reservation | None = None
        self.nominated: list[JobRequest] = []
        self._alone: dict[int, Wait] = {}
        """Waits of jobs that got something of their own, by position."""
        self._view, self._queue, self._may_reserve = view, queue, may_reserve
        self._availability, self._expansion = availability, expansion
        self._limits, self._preemption = limits, preemption
        self._of_limits = QueueLimits(limits, queue, view.now) if limits.exist else None
        usable = availability.kinds.usable_slots()
        self._could_reserve = may_reserve & (usable[queue.kind] >= queue.min_workers)
        self._is_short = np.zeros(size, dtype=bool)
        # how things stood when each job was looked at for the last time
        self._num_slots = np.zeros(size, dtype=np.int64)
        self._num_unallocated, self._num_ahead = self._num_slots.copy(), self._num_slots.copy()
        self._standing = self._num_slots.copy()
        self._is_admitted = np.ones(size, dtype=bool)
        self._is_delayed, self._is_behind_reservation = ~self._is_admitted, ~self._is_admitted
        self._unusable = Unusable(view)
        self._blockers = Blockers(availability.kinds, availability.running)

    def is_short(self, position: int) -> bool:
        """Whether a job ends before the reservation starts."""
        return bool(self._is_short[position])

    def reserve(self, reservation: Reservation, position: int) -> None:
        """From this position on there is a reservation."""
        self.reservation = reservation
        ends_at = self._view.now + self._queue.expected_s
        self._is_short = (ends_at <= reservation.starts_at) & ~np.isinf(ends_at)
        self._preemption.forget_slots()
        self._is_behind_reservation[position:] = True

    def wait_alone(
        self, position: int, code: str, reason: object, blockers: tuple[int, ...]
    ) -> None:
        """Queue a job with a reason that others of its kind do not share."""
        self._alone[position] = Wait(self._queue.jobs[position].number, code, reason, blockers)

    def reserve_for(self, position: int) -> None:
        """Queue the job that has the reservation."""
        assert self.reservation is not None
        job, kind = self._queue.jobs[position], int(self._queue.kind[position])
        before, after, blockers = self._of_kind(job, kind)
        after += head_reason(self.reservation, self._view.now)
        num_slots = self._availability.for_short.num_slots(job.shape.per_worker)
        reason = CapacityReason(job.shape, num_slots, before, after)
        self.wait_alone(position, "no-room", reason, blockers)

    def is_making_room(self, position: int) -> bool:
        """Whether others leave for a job."""
        return position in self._alone and self._alone[position].code == "making-room"

    def next_candidate(self, begin: int, end: int) -> int:
        """Return the position of the next job that could do anything but wait, or `end`."""
        size = FEWEST
        while begin < end:
            candidates = self._look(begin, min(begin + size, end))
            first = int(candidates.argmax())
            if candidates[first]:
                return begin + first
            begin, size = begin + size, min(4 * size, MOST)
        return end

    def _look(self, begin: int, end: int) -> Bools:
        """Find which jobs of a piece of the queue could do anything, and note how things stand."""
        availability, piece = self._availability, slice(begin, end)
        kinds, workers = self._queue.kind[piece], self._queue.min_workers[piece]
        num_slots = availability.for_short.slots.take(kinds)
        self._num_slots[piece] = num_slots
        if self.nominated:
            self._num_unallocated[piece] = availability.unallocated.slots.take(kinds)
            self._num_ahead[piece] = len(self.nominated)
        could: Bools = num_slots >= workers
        if self.reservation is None:
            could |= self._could_reserve[piece]
        else:
            could &= self._is_short[piece] | (availability.for_any.slots.take(kinds) >= workers)
        could_soon = self._could_be_nominated(kinds, workers)
        if self._of_limits is None:
            could |= could_soon
        else:
            now, soon = self._of_limits.admit(begin, end)
            self._is_admitted[piece] = now
            self._standing[piece] = self._limits.standing[self._queue.team[piece]]
            could = (could & now) | (could_soon & soon)
            could |= ~now & self._of_limits.may_be_heads(begin, end)
        could |= self._preemption.is_possible[piece]
        if not self._view.policy.backfill and (self.reservation is not None or self.nominated):
            could[:] = False
        if self._of_limits is not None:
            self._is_delayed[piece] = self._of_limits.delayed(begin, end)
            could &= ~self._is_delayed[piece]
        return could

    def _could_be_nominated(self, kinds: Ints, workers: Ints) -> Bools | bool:
        """Which jobs fit into what is free soon, or with nodes that can be added."""
        availability, new = self._availability, self._expansion.slots
        if new is None and not availability.has_changes:
            return False
        soon = availability.for_nominated.slots[kinds]
        if new is None:
            return soon >= workers
        fits = soon >= workers
        return (soon + new[kinds] >= workers) & (availability.has_changes | ~fits)

    def queue(self, started: list[int]) -> list[Wait]:
        """Return the wait of each job that does not start, in the order of the queue."""
        codes = self._codes(started)
        found: list[Wait | None] = [None] * len(codes)
        reasons = (self._no_room, self._behind, self._reserved, self._quota, self._team_head)
        for code, (name, explained) in enumerate(zip(NAMES, reasons, strict=True)):
            positions = np.flatnonzero(codes == code)
            numbers = self._queue.number[positions].tolist()
            explanations = zip(positions.tolist(), numbers, explained(positions), strict=True)
            for n, number, why in explanations:
                found[n] = make_wait((number, name, *why))
        for position, wait in self._alone.items():
            found[position] = wait
        return [wait for wait in found if wait is not None]

    def _codes(self, started: list[int]) -> Ints:
        """Why each job waits that does so as others do; -1 for all others."""
        workers = self._queue.min_workers
        codes = np.full(len(workers), NO_ROOM)
        codes[(self._num_ahead > 0) & (self._num_unallocated >= workers)] = BEHIND
        codes[self._is_behind_reservation & (self._num_slots >= workers)] = RESERVED
        codes[~self._is_admitted] = QUOTA
        if not self._view.policy.backfill:
            codes[self._is_behind_reservation | (self._num_ahead > 0)] = BEHIND
        codes[self._is_delayed] = TEAM_HEAD
        codes[started] = codes[list(self._alone)] = -1
        return codes

    def waiting_for_gpus(self, started: list[int]) -> set[bool]:
        """Whether jobs wait for idle capacity that need GPUs, and whether others do.

        Nobody gives idle capacity to those that wait for what is nominated to them, or for the
        limit of their team.
        """
        codes = self._codes(started)
        waits = (codes >= 0) & (codes < QUOTA)
        for position, wait in self._alone.items():
            waits[position] = wait.code == "no-room"
        return set((self._queue.gpus[waits] > 0).tolist())

    def _no_room(self, positions: Ints) -> Iterator[_Why]:
        queue, policy = self._queue, self._view.policy
        known: dict[int, tuple[str, str, tuple[int, ...]]] = {}
        borrowing = {-1: ""}
        teams = np.where(self._may_reserve[positions], -1, queue.team[positions]).tolist()
        kinds, num_slots = queue.kind[positions].tolist(), self._num_slots[positions].tolist()
        for n, kind, team, slots in zip(positions.tolist(), kinds, teams, num_slots, strict=True):
            job = queue.jobs[n]
            if kind not in known:
                known[kind] = self._of_kind(job, kind)
            if team not in borrowing:
                borrowing[team] = borrowing_reason(job.team, policy)
            before, after, blockers = known[kind]
            yield make_reason((job.shape, slots, before, after + borrowing[team])), blockers

    def _of_kind(self, job: JobRequest, kind: int) -> tuple[str, str, tuple[int, ...]]:
        """What all jobs of a kind wait for: start and end of the reason, and blockers."""
        unusable = self._unusable.of(job.shape)
        return problem_reason(self._view, job), unusable, self._blockers.of(kind)

    def _behind(self, positions: Ints) -> Iterator[_Why]:
        known: dict[int, _Why] = {}
        for count in self._num_ahead[positions].tolist():
            if count not in known:
                known[count] = self._ahead(count)
            yield known[count]

    def _ahead(self, count: int) -> _Why:
        ahead = self.nominated[:count]
        if not ahead and self.reservation is not None:
            ahead = [self.reservation.job]
        return behind_reason(ahead), tuple(job.number for job in ahead[:MAX_BLOCKERS])

    def _reserved(self, positions: Ints) -> Iterator[_Why]:
        if self.reservation is None:
            return
        why = reserved_reason(self.reservation, self._view.now), (self.reservation.job.number,)
        yield from itertools.repeat(why, len(positions))

    def _quota(self, positions: Ints) -> Iterator[_Why]:
        for n in positions.tolist():
            its = self._limits.standings[int(self._standing[n])]
            yield LimitReason(self._queue.jobs[n].shape, its), its.first_to_end

    def _team_head(self, positions: Ints) -> Iterator[_Why]:
        for n in positions.tolist():
            first = self._limits.head_of(self._queue.jobs[n])
            yield team_head_reason(first), (first.number,)
