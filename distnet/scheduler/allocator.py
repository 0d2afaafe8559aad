"""Considers each job of the queue in turn: it starts, preempts others, or waits for a reason."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from distnet.scheduler.capacity.availability import Availability
from distnet.scheduler.capacity.nodes import IndexedPlacement
from distnet.scheduler.columns import Columns, Ints
from distnet.scheduler.elastic import without
from distnet.scheduler.expansion.capacity import Expansion
from distnet.scheduler.expansion.reasons import new_nodes_reason
from distnet.scheduler.growth import Growth
from distnet.scheduler.limits.teams import MAX_BLOCKERS, TeamLimits
from distnet.scheduler.preemption import Preemption
from distnet.scheduler.quotas import Quotas
from distnet.scheduler.reasons import preemption_reason, releasing_reason, start_reason
from distnet.scheduler.reservation import Reservation, expected_ends, make_reservation
from distnet.scheduler.victims import Victim
from distnet.scheduler.view import Decision, JobRequest, Resize, Start, Stop, View, Wait
from distnet.scheduler.waits import Waits

_Kind = tuple[object, ...]


@dataclass(slots=True)
class _Starting:
    position: int
    job: JobRequest
    placement: IndexedPlacement
    reservation: Reservation | None
    """The one that there was."""
    is_short: bool


class Allocator:
    """The state of one pass: what is free, nominated and decided so far.

    Args:
        view: the state of the cluster.
        columns: its jobs.
        order: those that are considered, as positions in the view.
        quotas: of teams.
    """

    def __init__(self, view: View, columns: Columns, order: Ints, quotas: Quotas) -> None:
        queue = self._queue = columns.waiting.take(order)
        self._view, self._quotas, self._nodes = view, quotas, columns.nodes
        self._is_within_quota = ~quotas.would_borrow[order]
        self._may_reserve = self._is_within_quota | quotas.is_due[order]
        """No job that arrives within its quota goes ahead of these."""
        self._availability = Availability(columns.kinds, columns.running)
        self._expansion = Expansion(columns.kinds)
        self._limits = TeamLimits(view, columns)
        self._preemption = Preemption(
            view, self._availability, queue, self._is_within_quota, quotas, limits=self._limits
        )
        self._waits = Waits(
            view,
            queue,
            self._may_reserve,
            self._availability,
            expansion=self._expansion,
            limits=self._limits,
            preemption=self._preemption,
        )
        self._starting: list[_Starting] = []
        self._placed: list[tuple[JobRequest, IndexedPlacement]] = []
        """Placements of the jobs that start now or are nominated."""
        self._changes: list[Decision] = []
        """Stops and resizes."""

    def consider_all(self) -> None:
        """Start each job, nominate it, or queue it with a reason, in the queue's order."""
        self._consider(len(self._queue.jobs))

    def gets_capacity(self, number: int) -> bool:
        """Consider the jobs up to this one; whether it starts, or preempts others."""
        for position in np.flatnonzero(self._queue.number == number).tolist():
            self._consider(position + 1)
            starts = any(start.position == position for start in self._starting)
            return starts or self._waits.is_making_room(position)
        return False

    def _consider(self, end: int) -> None:
        """Consider the jobs before this position."""
        tried: set[_Kind] = set()
        """Kinds of job that were tried in vain since anything was decided."""
        position = 0
        while (position := self._waits.next_candidate(position, end)) < end:
            kind = self._kind(position)
            if kind in tried:
                position += 1
            elif self._try(position):
                tried.clear()
                position += 1
            else:
                tried |= {kind, self._kind(position)}  # with a reservation it may be another one

    def allocate_idle(self) -> None:
        """Give idle capacity to elastic jobs: to those that start now, then to those that run."""
        growth = Growth(
            self._view, self._availability, self._expansion, self._limits, self._waiting_for_gpus
        )
        for start in self._starting:
            if start.job.shape.is_elastic:
                start.placement = growth.extend_start(
                    start.job, start.placement, is_short=start.is_short
                )
        changed = {change.job for change in self._changes}
        self._changes += growth.grow_running(changed)
        sizes = [(start.job, sum(start.placement.values())) for start in self._starting]
        sizes += [(job, job.shape.min_workers) for job in self._waits.nominated]
        self._placed += growth.add_nodes(sizes)

    def decisions(self) -> tuple[Decision, ...]:
        """Return all decisions; starts come first, because they wait for no release."""
        reasons: dict[tuple[bool, bool], str] = {}
        starts: list[Decision] = []
        for start in self._starting:
            kind = start.reservation is None, start.is_short
            if kind not in reasons:
                now, is_short = self._view.now, start.is_short
                reasons[kind] = start_reason(start.reservation, now, is_short=is_short)
            placement = self._nodes.by_id(start.placement)
            starts.append(Start(start.job.number, placement, reasons[kind]))
        return (*starts, *self._changes)

    @cached_property
    def queue(self) -> list[Wait]:
        """The jobs that wait, in the order of the queue."""
        return self._waits.queue([start.position for start in self._starting])

    @property
    def nominated_nodes(self) -> set[str]:
        """The ids of the nodes for which jobs are nominated, absent ones included."""
        return {self._nodes.ids[n] for _, placement in self._placed for n in placement}

    def _try(self, position: int) -> bool:
        """Start or nominate a job, or make it the first that waits for something."""
        return (
            self._start(position)
            or self._nominate_pending(position)
            or self._nominate_for_new_nodes(position)
            or self._preempt_for(position)
            or self._reserve(position)
        )

    def _start(self, position: int) -> bool:
        job, is_short = self._queue.jobs[position], self._waits.is_short(position)
        shape = job.shape
        if self._limits.headroom(job) < shape.min_workers:
            return False
        capacity = self._availability.capacity(is_short=is_short)
        placement = capacity.place(shape.per_worker, shape.min_workers)
        if placement is None:
            return False
        self._availability.allocate(placement, shape.per_worker, is_short=is_short)
        self._limits.allocate(job, shape.min_workers)
        self._starting.append(
            _Starting(position, job, placement, self._waits.reservation, is_short)
        )
        self._placed.append((job, placement))
        return True

    def _nominate_pending(self, position: int) -> bool:
        """Nominate a job for what already leaving workers release, if that is enough."""
        job, availability = self._queue.jobs[position], self._availability
        workers, per_worker = job.shape.min_workers, job.shape.per_worker
        if not availability.has_changes or self._limits.headroom_soon(job) < workers:
            return False
        if availability.for_nominated.num_slots(per_worker) < workers:
            return False
        self._nominate(position, self._leaving)
        return True

    def _nominate_for_new_nodes(self, position: int) -> bool:
        """Nominate a job for what is free soon and nodes that can be added, if that is enough."""
        job, availability = self._queue.jobs[position], self._availability
        workers, per_worker = job.shape.min_workers, job.shape.per_worker
        if self._limits.headroom_soon(job) < workers:
            return False
        found = self._expansion.place(availability.for_nominated, per_worker, workers)
        if found is None or not found[1]:
            return False
        here, new = found
        if here:
            availability.nominate(here, per_worker)
        self._expansion.nominate(new, per_worker)
        self._limits.nominate(job, workers)
        self._waits.nominated.append(job)
        self._placed.append((job, here | new))
        reason = new_nodes_reason(self._view, [self._nodes.ids[n] for n in new])
        self._waits.wait_alone(position, "adding-nodes", reason, ())
        return True

    def _preempt_for(self, position: int) -> bool:
        """Preempt other jobs, and nominate this one for what they release."""
        victims = self._preemption.find_victims(position, self._waits.reservation)
        if victims is None:
            return False
        self._preemption.mark_preempted(victims)
        for victim in victims:
            self._preempt(victim, self._queue.jobs[position])
        leaving = [victim.allocation.job for victim in victims]
        self._nominate(position, leaving)
        self._leaving.extend(leaving)
        return True

    def _preempt(self, victim: Victim, job: JobRequest) -> None:
        allocation, reservation = victim.allocation, self._waits.reservation
        is_gone = reservation is not None and reservation.relies_on_end_of(
            allocation, self._view.now
        )
        self._availability.release(victim.n, victim.leaving, is_gone_at_reservation=is_gone)
        self._limits.release(allocation.job, victim.count)
        number, reason = allocation.job.number, preemption_reason(job, victim, self._view)
        if victim.is_stop:
            self._changes.append(Stop(number, job.number, reason))
        else:
            placement = without(allocation.placement, victim.leaving)
            self._changes.append(Resize(number, placement, reason, job.number))

    def _nominate(self, position: int, leaving: list[JobRequest]) -> None:
        job = self._queue.jobs[position]
        workers, per_worker = job.shape.min_workers, job.shape.per_worker
        placement = self._availability.for_nominated.place(per_worker, workers)
        assert placement is not None
        self._availability.nominate(placement, per_worker)
        self._limits.nominate(job, workers)
        self._waits.nominated.append(job)
        self._placed.append((job, placement))
        numbers = tuple(other.number for other in leaving[:MAX_BLOCKERS])
        self._waits.wait_alone(position, "making-room", releasing_reason(leaving), numbers)

    def _reserve(self, position: int) -> bool:
        """Let a job be the first that waits for the limit of its team, or for capacity."""
        job, limits = self._queue.jobs[position], self._limits
        if limits.headroom(job) < job.shape.min_workers:
            is_head = limits.reserve(job)
            if is_head:
                blockers = limits.standing_of(job).first_to_end
                self._waits.wait_alone(position, "quota", limits.reason(job), blockers)
            return is_head
        if self._waits.reservation is not None or not self._may_reserve[position]:
            return False
        now, availability = self._view.now, self._availability
        ends = expected_ends(self._placed, availability, now)
        reservation = make_reservation(availability, self._expansion, ends, job, now)
        if reservation is None:
            return False
        self._waits.reserve(reservation, position)
        if self._is_behind_nominated(job):
            return False
        self._waits.reserve_for(position)
        return True

    def _is_behind_nominated(self, job: JobRequest) -> bool:
        """Whether it would fit if no other job was nominated."""
        free = self._availability.unallocated.num_slots(job.shape.per_worker)
        return bool(self._waits.nominated) and free >= job.shape.min_workers

    @property
    def _waiting_for_gpus(self) -> set[bool]:
        return self._waits.waiting_for_gpus([start.position for start in self._starting])

    @cached_property
    def _leaving(self) -> list[JobRequest]:
        """Jobs some of whose workers are leaving."""
        found = self._view.allocations
        leaving = (a.job for a in found if a.is_stopping or a.resizing_to is not None)
        return sorted(leaving, key=lambda job: job.number)

    def _kind(self, position: int) -> _Kind:
        """Jobs of one kind wait for the same reason until something else is decided."""
        job = self._queue.jobs[position]
        kind = job.shape, job.priority, self._waits.is_short(position)
        standing = bool(self._is_within_quota[position]), bool(self._may_reserve[position])
        if self._limits.applies_to(job):
            return *kind, standing, job.team, job.expected_s
        return (*kind, standing, job.team) if self._quotas.exist else kind
