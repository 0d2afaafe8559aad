"""Considers each job of the queue in turn: it starts, preempts others, or waits for a reason."""

from dataclasses import dataclass
from functools import cached_property

from distnet.scheduler.blockers import MAX_BLOCKERS, Blockers
from distnet.scheduler.capacity.availability import Availability
from distnet.scheduler.capacity.kinds import Kinds
from distnet.scheduler.capacity.nodes import IndexedPlacement, NodeTable
from distnet.scheduler.elastic import without
from distnet.scheduler.expansion.capacity import Expansion
from distnet.scheduler.expansion.reasons import new_nodes_reason, problem_reason
from distnet.scheduler.growth import Growth
from distnet.scheduler.limits import TeamLimits
from distnet.scheduler.preemption import Preemption
from distnet.scheduler.quotas import Quotas
from distnet.scheduler.reasons import (
    Unusable,
    behind_reason,
    borrowing_reason,
    capacity_reason,
    head_reason,
    preemption_reason,
    releasing_reason,
    reserved_reason,
    start_reason,
    team_head_reason,
)
from distnet.scheduler.reservation import Reservation, expected_ends, make_reservation
from distnet.scheduler.victims import Victim
from distnet.scheduler.view import (
    Decision,
    JobRequest,
    Resize,
    Start,
    Stop,
    View,
    Wait,
)

_Kind = tuple[object, ...]
_WaitFields = tuple[str, str, tuple[int, ...]]
"""Code, reason and blockers of a wait."""


@dataclass(slots=True)
class _Starting:
    job: JobRequest
    placement: IndexedPlacement
    reason: str
    is_short: bool


class Allocator:
    """The state of one pass: what is free, nominated and decided so far."""

    def __init__(self, view: View, quotas: Quotas) -> None:
        self.queue: list[Wait] = []
        self._view, self._quotas = view, quotas
        self._nodes = NodeTable.of(view.nodes)
        kinds = Kinds.of(view, self._nodes)
        self._availability = Availability(kinds, view.allocations)
        self._expansion = Expansion(kinds)
        self._limits = TeamLimits(view)
        self._blockers = Blockers(kinds, view.allocations)
        self._reservation: Reservation | None = None
        self._starting: list[_Starting] = []
        self._nominated: list[JobRequest] = []
        self._placed: list[tuple[JobRequest, IndexedPlacement]] = []
        """Placements of the jobs that start now or are nominated."""
        self._changes: list[Decision] = []
        """Stops and resizes."""
        self._waits: dict[_Kind, _WaitFields] = {}
        """The last wait of each kind of job; cleared when anything else is decided."""
        self._unusable = Unusable(view)

    @cached_property
    def _preemption(self) -> Preemption:
        return Preemption(self._view, self._availability, self._quotas, self._limits)

    def consider(self, job: JobRequest) -> None:
        """Start a job, nominate it, or queue it with a reason. Call it in the queue's order."""
        reservation, ends_at = self._reservation, self._view.now + job.expected_s
        is_short = reservation is not None and reservation.starts_after(ends_at)
        kind = self._kind(job, is_short=is_short)
        wait = self._waits.get(kind)
        if wait is None:
            wait = self._try(job, is_short=is_short)
            if wait is None:
                return
            self._waits[kind] = wait
        self.queue.append(Wait(job.number, *wait))

    def allocate_idle(self) -> None:
        """Give idle capacity to elastic jobs: to those that start now, then to those that run."""
        growth = Growth(self._view, self._availability, self._expansion, self._limits, self.queue)
        for start in self._starting:
            if start.job.shape.is_elastic:
                start.placement = growth.extend_start(
                    start.job, start.placement, is_short=start.is_short
                )
        changed = {change.job for change in self._changes}
        self._changes += growth.grow_running(changed)
        sizes = [(start.job, sum(start.placement.values())) for start in self._starting]
        sizes += [(job, job.shape.min_workers) for job in self._nominated]
        self._placed += growth.add_nodes(sizes)

    def decisions(self) -> tuple[Decision, ...]:
        """Return all decisions; starts come first, because they wait for no release."""
        starts = (
            Start(s.job.number, self._nodes.by_id(s.placement), s.reason) for s in self._starting
        )
        return (*starts, *self._changes)

    @property
    def nominated_nodes(self) -> set[str]:
        """The ids of the nodes for which jobs are nominated, absent ones included."""
        return {self._nodes.ids[n] for _, placement in self._placed for n in placement}

    def _try(self, job: JobRequest, *, is_short: bool) -> _WaitFields | None:
        """Start or nominate a job; returns why it waits if neither is possible."""
        limits, shape = self._limits, job.shape
        first = limits.delayed_head(job)
        if first is not None:
            return "quota", team_head_reason(first), (first.number,)
        if not self._view.policy.backfill and (self._reservation or self._nominated):
            return self._behind()
        if limits.headroom(job) >= shape.min_workers:
            capacity = self._availability.capacity(is_short=is_short)
            placement = capacity.place(shape.per_worker, shape.min_workers)
            if placement is not None:
                self._start(job, placement, is_short=is_short)
                return None
        if (
            self._nominate_pending(job)
            or self._nominate_for_new_nodes(job)
            or self._preempt_for(job)
        ):
            return None
        return self._wait(job)

    def _start(self, job: JobRequest, placement: IndexedPlacement, *, is_short: bool) -> None:
        self._availability.allocate(placement, job.shape.per_worker, is_short=is_short)
        self._limits.allocate(job, job.shape.min_workers)
        reason = start_reason(self._reservation, self._view.now, is_short=is_short)
        self._starting.append(_Starting(job, placement, reason, is_short))
        self._placed.append((job, placement))
        self._waits.clear()

    def _nominate_pending(self, job: JobRequest) -> bool:
        """Nominate a job for what already leaving workers release, if that is enough."""
        shape, availability = job.shape, self._availability
        if not availability.has_changes or self._limits.headroom_soon(job) < shape.min_workers:
            return False
        if availability.for_nominated.num_slots(shape.per_worker) < shape.min_workers:
            return False
        self._nominate(job, self._leaving)
        return True

    def _nominate_for_new_nodes(self, job: JobRequest) -> bool:
        """Nominate a job for what is free soon and nodes that can be added, if that is enough."""
        shape, availability = job.shape, self._availability
        if self._limits.headroom_soon(job) < shape.min_workers:
            return False
        found = self._expansion.place(
            availability.for_nominated, shape.per_worker, shape.min_workers
        )
        if found is None or not found[1]:
            return False
        here, new = found
        if here:
            availability.nominate(here, shape.per_worker)
        self._expansion.nominate(new, shape.per_worker)
        self._limits.nominate(job, shape.min_workers)
        self._nominated.append(job)
        self._placed.append((job, here | new))
        reason = new_nodes_reason(self._view, [self._nodes.ids[n] for n in new])
        self._queue_alone(job, "adding-nodes", reason, ())
        return True

    def _preempt_for(self, job: JobRequest) -> bool:
        """Preempt other jobs, and nominate this one for what they release."""
        victims = self._preemption.find_victims(job, self._reservation)
        if victims is None:
            return False
        self._preemption.mark_preempted(victims)
        for victim in victims:
            self._preempt(victim, job)
        leaving = [victim.allocation.job for victim in victims]
        self._nominate(job, leaving)
        self._leaving.extend(leaving)
        return True

    def _preempt(self, victim: Victim, job: JobRequest) -> None:
        allocation, reservation = victim.allocation, self._reservation
        is_gone = reservation is not None and reservation.relies_on_end_of(
            allocation, self._view.now
        )
        leaving = self._nodes.indexed(victim.leaving)
        self._availability.release(allocation, leaving, is_gone_at_reservation=is_gone)
        self._limits.release(allocation.job, victim.count)
        number, reason = allocation.job.number, preemption_reason(job, victim, self._view)
        if victim.is_stop:
            self._changes.append(Stop(number, job.number, reason))
        else:
            placement = without(allocation.placement, victim.leaving)
            self._changes.append(Resize(number, placement, reason, job.number))

    def _nominate(self, job: JobRequest, leaving: list[JobRequest]) -> None:
        shape = job.shape
        placement = self._availability.for_nominated.place(shape.per_worker, shape.min_workers)
        assert placement is not None
        self._availability.nominate(placement, shape.per_worker)
        self._limits.nominate(job, shape.min_workers)
        self._nominated.append(job)
        self._placed.append((job, placement))
        numbers = tuple(other.number for other in leaving[:MAX_BLOCKERS])
        self._queue_alone(job, "making-room", releasing_reason(leaving), numbers)

    def _wait(self, job: JobRequest) -> _WaitFields | None:
        """Find why a job waits; None if it was queued here, as first to wait for something."""
        shape, limits = job.shape, self._limits
        if limits.headroom(job) < shape.min_workers:
            is_head = limits.reserve(job)
            wait = "quota", limits.reason(job), limits.blockers(job, MAX_BLOCKERS)
            if is_head:
                self._queue_alone(job, *wait)
            return None if is_head else wait
        num_slots = self._availability.for_short.num_slots(shape.per_worker)
        if self._reservation is None:
            if self._may_reserve(job) and self._reserve(job, num_slots):
                return None
        elif num_slots >= shape.min_workers:
            first = self._reservation.job.number
            return "reserved", reserved_reason(self._reservation, self._view.now), (first,)
        if self._is_behind_nominated(job):
            return self._behind()
        reason = problem_reason(self._view, job)
        reason += capacity_reason(job, num_slots, self._unusable.of(shape))
        if not self._may_reserve(job):
            reason += borrowing_reason(job, self._view.policy)
        return "no-room", reason, self._blockers.of(shape)

    def _may_reserve(self, job: JobRequest) -> bool:
        """Whether no job that arrives within its quota goes ahead of it."""
        return self._quotas.includes(job) or self._quotas.is_due(job)

    def _reserve(self, job: JobRequest, num_slots: int) -> bool:
        """Make the reservation for a job; whether it was queued as its head."""
        now, availability = self._view.now, self._availability
        ends = expected_ends(self._view.allocations, self._placed, availability, now)
        self._reservation = make_reservation(availability, self._expansion, ends, job, now)
        if self._reservation is None or self._is_behind_nominated(job):
            return False
        reason = problem_reason(self._view, job)
        unusable = self._unusable.of(job.shape)
        reason += head_reason(job, num_slots, unusable, self._reservation, now)
        self._queue_alone(job, "no-room", reason, self._blockers.of(job.shape))
        return True

    def _is_behind_nominated(self, job: JobRequest) -> bool:
        """Whether it would fit if no other job was nominated."""
        free = self._availability.unallocated.num_slots(job.shape.per_worker)
        return bool(self._nominated) and free >= job.shape.min_workers

    def _behind(self) -> _WaitFields:
        ahead = self._nominated.copy()
        if not ahead and self._reservation is not None:
            ahead = [self._reservation.job]
        return "behind", behind_reason(ahead), tuple(job.number for job in ahead[:MAX_BLOCKERS])

    def _queue_alone(
        self, job: JobRequest, code: str, reason: str, blockers: tuple[int, ...]
    ) -> None:
        """Queue a job with a reason that other jobs of its kind do not share."""
        self.queue.append(Wait(job.number, code, reason, blockers))
        self._waits.clear()

    @cached_property
    def _leaving(self) -> list[JobRequest]:
        """Jobs some of whose workers are leaving."""
        found = self._view.allocations
        leaving = (a.job for a in found if a.is_stopping or a.resizing_to is not None)
        return sorted(leaving, key=lambda job: job.number)

    def _kind(self, job: JobRequest, *, is_short: bool) -> _Kind:
        """Jobs of one kind wait for the same reason until something else is decided."""
        kind = job.shape, job.priority, is_short
        standing = self._quotas.includes(job), self._quotas.is_due(job)
        if self._limits.applies_to(job):
            return *kind, standing, job.team, job.expected_s
        return (*kind, standing, job.team) if self._quotas.exist else kind
