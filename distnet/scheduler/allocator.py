"""Gives each job its turn: what is done about it, or why it waits."""

from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from distnet.scheduler import reasons
from distnet.scheduler.capacity import Outlook
from distnet.scheduler.elastic import what_stays
from distnet.scheduler.fit import Hosts, Places, Worker, worker_of, workers_in
from distnet.scheduler.idle import Idle
from distnet.scheduler.limit import Limits
from distnet.scheduler.preempt import Preemption
from distnet.scheduler.quota import Entitlements
from distnet.scheduler.reserve import Release, Reservation, reserve
from distnet.scheduler.victims import Victim
from distnet.scheduler.view import (
    Candidate,
    Decision,
    Holder,
    Resize,
    Start,
    Stop,
    View,
    Wait,
)

FEW = 5
"""Holders named in the reason of a wait."""
Kind = tuple[object, ...]
Told = tuple[str, str, tuple[int, ...]]
"""Code, reason and holders of a wait."""


@dataclass(slots=True)
class _Starting:
    job: Candidate
    places: Places
    reason: str
    is_short: bool


class Allocator:
    """One pass: what is free, promised and decided so far. Jobs come in the order of the queue."""

    def __init__(self, view: View, entitlements: Entitlements) -> None:
        self.queue: list[Wait] = []
        self._view, self._entitlements = view, entitlements
        self._hosts = Hosts.of(view.nodes)
        self._outlook = Outlook(self._hosts, view.holders)
        self._limits = Limits(view)
        self._reservation: Reservation | None = None
        self._starting: list[_Starting] = []
        self._promised: list[Candidate] = []
        self._taken: list[tuple[Candidate, Places]] = []
        """Places of those that start now or have them promised."""
        self._asked: list[Decision] = []
        self._waits: dict[Kind, Told] = {}
        """What the last job of a kind was told; nothing else has happened since."""
        self._first_to_end: dict[Worker, tuple[int, ...]] = {}

    @cached_property
    def _preemption(self) -> Preemption:
        return Preemption(self._view, self._outlook, self._entitlements, self._limits)

    def consider(self, job: Candidate) -> None:
        """Start it, promise it room, or tell it why it waits."""
        first = self._reservation
        is_short = first is not None and first.is_past(self._view.now + job.expected_s)
        kind = self._kind(job, is_short=is_short)
        wait = self._waits.get(kind)
        if wait is None:
            wait = self._try(job, is_short=is_short)
            if wait is None:
                return
            self._waits[kind] = wait
        self.queue.append(Wait(job.number, *wait))

    def share_out_the_rest(self) -> None:
        """Give what is idle to elastic jobs: those that start now, then those that run."""
        idle = Idle(self._view, self._outlook, self._limits)
        for starting in self._starting:
            if starting.job.shape.is_elastic:
                is_short = starting.is_short
                starting.places = idle.widen(starting.job, starting.places, is_short=is_short)
        jobs = {job.number: job for job in self._view.waiting}
        waiting = (jobs[wait.job] for wait in self.queue if wait.code != "quota")
        self._asked += idle.grow({decision.job for decision in self._asked}, waiting)

    def decisions(self) -> tuple[Decision, ...]:
        """Those that start first: they need nobody to leave."""
        starts = (
            Start(s.job.number, self._hosts.placement(s.places), s.reason) for s in self._starting
        )
        return (*starts, *self._asked)

    def _try(self, job: Candidate, *, is_short: bool) -> Told | None:
        """Start it or promise it room; returns why it waits if neither can be."""
        limits, room = self._limits, self._outlook.room(is_short=is_short)
        first = limits.head_of(job)
        if first is not None:
            return "quota", reasons.behind_in_team(first), (first.number,)
        if not self._view.policy.backfill and (self._reservation or self._promised):
            return self._behind()
        if limits.spare(job) >= job.shape.fewest:
            places = room.place(worker_of(job.shape), job.shape.fewest)
            if places is not None:
                self._start(job, places, is_short=is_short)
                return None
        if self._is_being_made(job) or self._make(job):
            return None
        return self._wait(job)

    def _start(self, job: Candidate, places: Places, *, is_short: bool) -> None:
        self._outlook.start(places, worker_of(job.shape), is_short=is_short)
        self._limits.start(job, job.shape.fewest)
        reason = reasons.start(self._reservation, self._view.now, is_short=is_short)
        self._starting.append(_Starting(job, places, reason, is_short))
        self._taken.append((job, places))
        self._waits.clear()

    def _is_being_made(self, job: Candidate) -> bool:
        """Promise room that those leave who have been asked already."""
        if self._outlook.is_plain:
            return False
        fewest, enough = job.shape.fewest, self._limits.spare_soon(job)
        if enough < fewest or self._outlook.due.count(worker_of(job.shape)) < fewest:
            return False
        self._promise(job, self._leaving)
        return True

    def _make(self, job: Candidate) -> bool:
        """Ask others to give way, and promise what they leave."""
        victims = self._preemption.find(job, self._reservation)
        if victims is None:
            return False
        self._preemption.ask(victims)
        for victim in victims:
            self._ask(victim, job)
        self._promise(job, [victim.holder.job for victim in victims])
        self._leaving += [victim.holder.job for victim in victims]
        return True

    def _ask(self, victim: Victim, job: Candidate) -> None:
        holder, view = victim.holder, self._view
        counted = self._reservation is not None and self._reservation.counts_on(holder, view.now)
        places = self._hosts.places(victim.leaving)
        self._outlook.leave(holder, places, is_gone_later=counted)
        self._limits.leave(holder.job, victim.count)
        reason = reasons.give_way(job, victim, view)
        if victim.is_stop:
            self._asked.append(Stop(holder.job.number, job.number, reason))
        else:
            stays = what_stays(holder.placement, victim.leaving)
            self._asked.append(Resize(holder.job.number, stays, reason, job.number))

    def _promise(self, job: Candidate, leaving: list[Candidate]) -> None:
        worker = worker_of(job.shape)
        places = self._outlook.due.place(worker, job.shape.fewest)
        assert places is not None
        self._outlook.claim(places, worker)
        self._limits.claim(job, job.shape.fewest)
        self._promised.append(job)
        self._taken.append((job, places))
        numbers = tuple(other.number for other in leaving[:FEW])
        self._tell(job, "making-room", reasons.making_room(leaving), numbers)

    def _wait(self, job: Candidate) -> Told | None:
        """Say why it waits; the first one to wait for something has a reservation."""
        worker, fewest = worker_of(job.shape), job.shape.fewest
        limits, outlook, now = self._limits, self._outlook, self._view.now
        if limits.spare(job) < fewest:
            limits.reserve(job)
            self._tell(job, "quota", limits.reason(job), limits.holders(job, FEW))
            return None
        room, first = outlook.open.count(worker), self._reservation
        if first is None:
            self._reservation = first = reserve(outlook, self._releases(), job, now)
            if first is not None and not self._is_promised(job):
                reason = reasons.first_in_line(job, room, first, now)
                self._tell(job, "no-room", reason, self._holders(job))
                return None
        elif room >= fewest:
            return "reserved", reasons.reserved(first, now), (first.job.number,)
        if self._is_promised(job):
            return self._behind()
        return "no-room", reasons.no_room(job, room), self._holders(job)

    def _is_promised(self, job: Candidate) -> bool:
        """Whether it would fit if others had not been promised the room."""
        free = self._outlook.unheld.count(worker_of(job.shape))
        return bool(self._promised) and free >= job.shape.fewest

    def _behind(self) -> Told:
        ahead = self._promised.copy()
        if not ahead and self._reservation is not None:
            ahead = [self._reservation.job]
        return "behind", reasons.behind(ahead), tuple(job.number for job in ahead[:FEW])

    def _tell(self, job: Candidate, code: str, reason: str, holders: tuple[int, ...]) -> None:
        """Tell this job alone: for others of its kind, things are different from now on."""
        self.queue.append(Wait(job.number, code, reason, holders))
        self._waits.clear()

    def _releases(self) -> list[Release]:
        """Room that comes back, by time: of jobs that run, start now, or have room promised."""
        now, outlook = self._view.now, self._outlook
        found = []
        for holder in self._view.holders:
            places = outlook.staying_of(holder)
            if places:
                at, worker = max(now, holder.ends_at), worker_of(holder.job.shape)
                found.append(Release(at, holder.job.number, places, worker))
        for job, places in self._taken:
            found.append(Release(now + job.expected_s, job.number, places, worker_of(job.shape)))
        return sorted(found, key=lambda release: (release.at, release.job))

    def _holders(self, job: Candidate) -> tuple[int, ...]:
        """Name the first to end of those that are where the job could be."""
        worker, hosts = worker_of(job.shape), self._hosts
        known = self._first_to_end.get(worker)
        if known is None:
            able = (
                holder.job.number
                for holder in self._by_end
                if any(
                    workers_in(hosts.cpus[n], hosts.gpus[n], worker)
                    for n in hosts.places(holder.placement)
                )
            )
            known = self._first_to_end[worker] = tuple(islice(able, FEW))
        return known

    @cached_property
    def _leaving(self) -> list[Candidate]:
        leaving = (h.job for h in self._view.holders if h.is_stopping or h.asked is not None)
        return sorted(leaving, key=lambda job: job.number)

    @cached_property
    def _by_end(self) -> list[Holder]:
        return sorted(self._view.holders, key=lambda holder: (holder.ends_at, holder.job.number))

    def _kind(self, job: Candidate, *, is_short: bool) -> Kind:
        """Jobs of one kind are told the same, as long as nothing else happens."""
        if self._limits.concern(job):
            return job.shape, job.priority, is_short, job.team, job.expected_s
        if self._entitlements.has_quotas:
            return job.shape, job.priority, is_short, job.team, self._entitlements.is_entitled(job)
        return job.shape, job.priority, is_short
