"""Who gives way to a job that does not fit: workers to spare first, then whole jobs.

No more than needed, and nobody unless all of the gang fits then.

A job may stop another one if its own priority is above the other's rank. Ranks grow with age and
priorities do not, so of two jobs only one can ever stop the other, however long both wait. Across
teams, what is within a quota comes before what is borrowed (`quota.py`).

Victims are taken from the lowest rank up, of one rank those first that started last, until the
gang fits; then all that turn out not to be needed are spared, the dearest first, as Kueue's
`minimalPreemptions` and `fillBackWorkloads` do
(https://github.com/kubernetes-sigs/kueue/blob/main/pkg/scheduler/preemption/preemption.go).
Those that are already leaving are counted before anybody is asked, and what they leave is promised
to whom they left for (`outlook.py`), so the same room is never made twice.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import NamedTuple

from distnet.scheduler.capacity import Outlook
from distnet.scheduler.elastic import has_spare, may_shrink, since
from distnet.scheduler.fit import Worker, worker_of, workers_in
from distnet.scheduler.limit import Limits
from distnet.scheduler.order import rank
from distnet.scheduler.quota import Entitlements
from distnet.scheduler.reserve import Reservation
from distnet.scheduler.victims import Preemptible, Victim, WhatIf, spared
from distnet.scheduler.view import Candidate, Holder, View

MOST_ASKED = 100
"""In one pass, beyond which nobody more is asked: the next pass is near, and each stays short."""


class Preemption:
    """Finds victims; one that was asked is not found again."""

    def __init__(
        self, view: View, outlook: Outlook, entitlements: Entitlements, limits: Limits
    ) -> None:
        self._view, self._outlook = view, outlook
        self._entitlements, self._limits = entitlements, limits
        self._asked: set[int] = set()
        steady = (h for h in view.holders if h.is_steady and not h.is_stopping)
        ranked = [(rank(h.job, view.now, view.policy), h) for h in steady]
        ranked.sort(key=lambda e: (e[0], -e[1].started_at, -e[1].job.number))
        self._preemptible = [entry for entry in ranked if entry[1].job.is_preemptible]
        self._spare = [e for e in ranked if view.policy.elastic and has_spare(e[1])]
        self._by_class: dict[_Class, Preemptible] = {}
        self._reach: dict[tuple[_Class, Worker, str], int] = {}

    def find(self, job: Candidate, reservation: Reservation | None) -> list[Victim] | None:
        """Find those that give way so that all of the gang fits; None if that is not to be had."""
        if len(self._asked) >= MOST_ASKED:
            return None
        preemptible, worker = self._preemptible_by(job), worker_of(job.shape)
        if not preemptible.is_enough(job.shape, self._outlook, reservation, self._view.now):
            return None
        kind = self._class_of(job), worker, job.team if self._limits.concern(job) else ""
        if self._reach.get(kind, job.shape.fewest) < job.shape.fewest:
            return None
        what_if = WhatIf(job, self._outlook, self._limits, reservation, self._view.now)
        victims: dict[int, Victim] = {}
        for holder, count in self._candidates(job, preemptible, reservation):
            victim = victims.get(holder.job.number)
            if victim is None:
                spare = count if count < holder.workers else 0
                victim = victims[holder.job.number] = Victim(holder, spare)
            what_if.move(victim, count)
            if what_if.fits:
                return spared(what_if, victims)
        self._reach[kind] = what_if.reach
        return None

    def ask(self, victims: Iterable[Victim]) -> None:
        """Take note that jobs were asked."""
        self._asked.update(victim.holder.job.number for victim in victims)
        self._spare = [e for e in self._spare if e[1].job.number not in self._asked]

    def _candidates(
        self, job: Candidate, victims: Preemptible, reservation: Reservation | None
    ) -> Iterator[tuple[Holder, int]]:
        """Those that may be asked, the cheapest first, and how many of their workers may leave."""
        for level, holder in self._spare:
            if self._may_shrink(job, holder, level, reservation):
                yield holder, holder.workers - holder.job.shape.fewest
        for level, holder in victims.stoppable(self._asked):
            if self._may_stop(job, holder, level) and self._is_of_use(job, holder):
                yield holder, holder.workers

    def _preemptible_by(self, job: Candidate) -> Preemptible:
        """Whom jobs of this class may ask, or a few more."""
        key = self._class_of(job)
        known = self._by_class.get(key)
        if known is None:
            known = self._by_class[key] = Preemptible(self._stoppable_by(key), self._spare)
        return known

    def _stoppable_by(self, preemptors: "_Class") -> list[tuple[int, Holder]]:
        if not self._view.policy.preemption:
            return []
        if not self._entitlements.has_quotas:
            below = bisect_left(self._preemptible, preemptors.priority, key=itemgetter(0))
            return self._preemptible[:below]
        return [entry for entry in self._preemptible if self._is_preemptible(preemptors, *entry)]

    def _class_of(self, job: Candidate) -> "_Class":
        is_entitled = self._entitlements.is_entitled(job)
        return _Class(job.priority, is_entitled, "" if is_entitled else job.team)

    def _is_preemptible(self, preemptors: "_Class", level: int, holder: Holder) -> bool:
        is_borrowed = self._entitlements.has_borrowed(holder)
        if level < preemptors.priority:
            return preemptors.is_entitled or is_borrowed or holder.job.team == preemptors.team
        return is_borrowed and preemptors.is_entitled

    def _may_shrink(
        self, job: Candidate, holder: Holder, level: int, reservation: Reservation | None
    ) -> bool:
        if holder.job.number in self._asked or not self._is_of_use(job, holder):
            return False
        if reservation is not None and reservation.is_past(max(self._view.now, holder.ends_at)):
            return False  # with fewer workers it would end later, and the first job counts on it
        is_below = level < job.priority
        return is_below or may_shrink(holder, self._view.now, self._view.policy)

    def _may_stop(self, job: Candidate, holder: Holder, level: int) -> bool:
        """Whether one that some job of this class may stop may be stopped by this one."""
        other, entitlements = holder.job, self._entitlements
        borrows = entitlements.borrows(holder, job.shape)
        if level < job.priority:
            return borrows or other.team == job.team or entitlements.is_entitled(job)
        is_old = self._view.now - since(holder) >= self._view.policy.steady_s
        return borrows and other.team != job.team and is_old

    def _is_of_use(self, job: Candidate, holder: Holder) -> bool:
        """Whether a node of the other job could hold a worker of this one, or its team's limit."""
        if self._limits.concern(job) and holder.job.team == job.team:
            return True
        hosts, worker = self._outlook.hosts, worker_of(job.shape)
        places = self._outlook.staying_of(holder)
        return any(workers_in(hosts.cpus[n], hosts.gpus[n], worker) for n in places)


class _Class(NamedTuple):
    """Jobs that may ask the same others."""

    priority: int
    is_entitled: bool
    team: str
    """Of those that borrow; the others may ask any team."""
