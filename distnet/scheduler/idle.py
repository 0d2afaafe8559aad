"""What is left after everybody has had a turn goes to elastic jobs.

A job that runs does not grow while others wait for such room as it would take: too small for them
now, it soon would not be, and the job had restarted twice for nothing. Malleable jobs grow under
the same condition in S. Iserte et al., DMR API, Parallel Computing 2018.
"""

from collections.abc import Iterable, Iterator

from distnet.scheduler.capacity import Outlook
from distnet.scheduler.elastic import may_grow, more_places
from distnet.scheduler.fit import Places, worker_of
from distnet.scheduler.limit import Limits
from distnet.scheduler.order import rank
from distnet.scheduler.view import Candidate, Holder, Resize, View


class Idle:
    """Room that nobody waits for, or that they could have back at once."""

    def __init__(self, view: View, outlook: Outlook, limits: Limits) -> None:
        self._view, self._outlook, self._limits = view, outlook, limits

    def widen(self, job: Candidate, places: Places, *, is_short: bool) -> Places:
        """Give a job that starts more than the fewest workers; returns all its places."""
        more = self._more(job, places, job.shape.most - job.shape.fewest, is_short=is_short)
        return _sum(places, more)

    def grow(self, asked: set[int], waiting: Iterable[Candidate]) -> Iterator[Resize]:
        """Give jobs that run more workers, the highest rank first.

        Args:
            asked: jobs that were asked for something just now.
            waiting: jobs that wait for room.
        """
        view = self._view
        wanted = {job.shape.gpus > 0 for job in waiting}
        if False in wanted:
            return
        able = [holder for holder in view.holders if may_grow(holder, view.now, view.policy)]
        if wanted:
            able = [holder for holder in able if not holder.job.shape.gpus]
        able.sort(key=lambda h: (-rank(h.job, view.now, view.policy), h.job.number))
        for holder in able:
            if holder.job.number not in asked:
                yield from self._grow(holder)

    def _grow(self, holder: Holder) -> Iterator[Resize]:
        job, hosts = holder.job, self._outlook.hosts
        places = hosts.places(holder.placement)
        if len(places) < len(holder.placement):
            return  # part of it is on a node that goes away: it will have to move anyway
        more = self._more(job, places, job.shape.most - holder.workers, is_short=False)
        if more:
            reason = f"there is idle room for {sum(more.values())} more of its workers"
            yield Resize(job.number, hosts.placement(_sum(places, more)), reason)

    def _more(self, job: Candidate, places: Places, most: int, *, is_short: bool) -> Places:
        worker = worker_of(job.shape)
        room = self._outlook.room(is_short=is_short)
        most = min(most, self._limits.idle(job), room.count(worker))
        if most <= 0:
            return {}
        more = more_places(room, worker, places, most)
        self._outlook.start(more, worker, is_short=is_short)
        self._limits.start(job, sum(more.values()))
        return more


def _sum(places: Places, more: Places) -> Places:
    return {n: places.get(n, 0) + more.get(n, 0) for n in places | more}
