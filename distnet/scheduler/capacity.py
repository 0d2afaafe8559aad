"""The room on the nodes at three moments: now, soon, and when the reservation begins.

Now is what nobody holds. Soon is what will be free once those that were asked to leave have left,
less what was promised to jobs that wait for that. Later is what will be free when the job with the
reservation starts, less what it takes. A job may start only in room that is free at all of the
moments at which it will be there, so nobody takes what was promised to somebody else: Kueue let
freed room be taken while the last of several victims was still leaving, and preempted for ever
(https://github.com/kubernetes-sigs/kueue/pull/13797).
"""

from collections.abc import Iterable
from operator import sub

from distnet.scheduler.elastic import first_to_go
from distnet.scheduler.fit import Hosts, Places, Room, Worker, worker_of
from distnet.scheduler.view import Holder


class Free:
    """CPUs and GPUs on each node, by index; below 0 where more is held than there is."""

    def __init__(self, cpus: list[float], gpus: list[float]) -> None:
        self.cpus, self.gpus = cpus, gpus

    def copy(self) -> "Free":
        """The same, to be changed on its own."""
        return Free(self.cpus.copy(), self.gpus.copy())

    def add(self, places: Places, worker: Worker, sign: int) -> None:
        """Give back (1) or take (-1) what so many workers need."""
        cpus, gpus = worker
        for n, count in places.items():
            self.cpus[n] += sign * count * cpus
            self.gpus[n] += sign * count * gpus


class Outlook:
    """What is free when, and for whom."""

    def __init__(self, hosts: Hosts, holders: Iterable[Holder]) -> None:
        self.hosts = hosts
        coming: list[Holder] = []
        index, num_nodes = hosts.index, len(hosts.ids)
        cpus, gpus = [0] * num_nodes, [0] * num_nodes  # whole numbers: any order adds up
        for holder in holders:
            shape = holder.job.shape
            for node, count in holder.placement.items():
                n = index.get(node)
                if n is not None:
                    cpus[n] += count * shape.cpus
                    gpus[n] += count * shape.gpus
            if holder.is_stopping or holder.asked is not None:
                coming.append(holder)
        self.now = Free(list(map(sub, hosts.cpus, cpus)), list(map(sub, hosts.gpus, gpus)))
        self.soon = self.now
        self.later: Free | None = None
        self.staying: dict[int, Places] = {}
        """Of jobs whose workers are leaving, by number: those that stay."""
        self.open = Room(hosts, self.now.cpus, self.now.gpus)
        """For a job that will have ended before the reservation begins."""
        self.lasting = self.open
        """For one that may last longer."""
        self.due = self.open
        """For one that waits until others have left."""
        self.unheld = self.open
        """Promised to somebody or not."""
        for holder in sorted(coming, key=lambda holder: holder.job.number):
            leaving = _leaving(holder)
            if leaving:
                self.leave(holder, hosts.places(leaving), is_gone_later=False)

    def room(self, *, is_short: bool) -> Room:
        """The room for a job that will have ended before the reservation begins, or may not."""
        return self.open if is_short else self.lasting

    def start(self, places: Places, worker: Worker, *, is_short: bool) -> None:
        """Take room from now on."""
        self.now.add(places, worker, -1)
        self._take(places, worker, is_short=is_short)
        if self.unheld is not self.open:
            for n in places:
                self.unheld.put(n, self.now.cpus[n], self.now.gpus[n])

    def claim(self, places: Places, worker: Worker) -> None:
        """Take room as soon as others have left."""
        self._part()
        self._take(places, worker, is_short=False)

    def leave(self, holder: Holder, places: Places, *, is_gone_later: bool) -> None:
        """Count on it that workers leave; `is_gone_later`: the reservation counts on it already."""
        self._part()
        worker = worker_of(holder.job.shape)
        self.soon.add(places, worker, 1)
        if self.later is not None and not is_gone_later:
            self.later.add(places, worker, 1)
        staying = self.staying_of(holder).copy()
        for n, count in places.items():
            staying[n] -= count
        self.staying[holder.job.number] = {n: count for n, count in staying.items() if count}
        self._refresh(places)

    def staying_of(self, holder: Holder) -> Places:
        """The workers of a job that have not been asked to leave."""
        known = self.staying.get(holder.job.number)
        return self.hosts.places(holder.placement) if known is None else known

    def reserve(self, later: Free) -> None:
        """Keep what is free at the reservation's beginning, beside the job that has it."""
        self.later = later
        self.lasting = least(self.hosts, self.open, later)
        self.due = least(self.hosts, self.soon, later)

    @property
    def is_plain(self) -> bool:
        """Whether nobody leaves and nothing is promised."""
        return self.soon is self.now

    def _part(self) -> None:
        """Tell soon from now, which begin as the same."""
        if self.soon is self.now:
            self.soon = self.now.copy()
            self.unheld = self.open.copy()
        if self.due is self.open:
            self.due = self.open.copy()

    def _take(self, places: Places, worker: Worker, *, is_short: bool) -> None:
        if self.soon is not self.now:
            self.soon.add(places, worker, -1)
        if self.later is not None and not is_short:
            self.later.add(places, worker, -1)
        self._refresh(places)

    def _refresh(self, nodes: Iterable[int]) -> None:
        now, soon, later = self.now, self.soon, self.later
        for n in nodes:
            cpus, gpus = soon.cpus[n], soon.gpus[n]
            open_cpus, open_gpus = min(cpus, now.cpus[n]), min(gpus, now.gpus[n])
            self.open.put(n, open_cpus, open_gpus)
            if later is not None:
                cpus, gpus = min(cpus, later.cpus[n]), min(gpus, later.gpus[n])
                self.lasting.put(n, min(cpus, open_cpus), min(gpus, open_gpus))
            if self.due is not self.open:
                self.due.put(n, cpus, gpus)


def least(hosts: Hosts, one: Free | Room, other: Free) -> Room:
    """What is free at both of two moments."""
    cpus, gpus = map(min, one.cpus, other.cpus), map(min, one.gpus, other.gpus)
    return Room(hosts, list(cpus), list(gpus))


def _leaving(holder: Holder) -> dict[str, int]:
    if holder.is_stopping:
        return dict(holder.placement)
    if holder.asked is not None and holder.asked < holder.workers:
        return first_to_go(holder.placement, holder.workers - holder.asked)
    return {}
