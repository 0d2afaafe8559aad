"""Those that a class of jobs may ask to give way, and the room there would be if all of them left.

That room is worked out once for all kinds of gangs: a quick look that tells most gangs which do not
fit that nothing would help.
"""

from distnet.server.scheduler.fit import Room, worker_of
from distnet.server.scheduler.outlook import Outlook, least
from distnet.server.scheduler.reserve import Reservation
from distnet.server.scheduler.view import Holder, Shape

Ranked = tuple[int, Holder]


class Prey:
    """Those that may be stopped, and those that have workers to spare."""

    def __init__(self, stoppable: list[Ranked], spare: list[Ranked]) -> None:
        self._stoppable = stoppable
        everybody = {holder.job.number: holder for _, holder in (*stoppable, *spare)}
        self._everybody = list(everybody.values())
        self._num_asked = 0
        self._room: Room | None = None
        self._reservation: Reservation | None = None

    def stoppable(self, asked: set[int]) -> list[Ranked]:
        """Those that may be stopped and were not asked yet: their ranks, the cheapest first."""
        if len(asked) != self._num_asked:
            self._num_asked = len(asked)
            self._stoppable = [e for e in self._stoppable if e[1].job.number not in asked]
        return self._stoppable

    def is_enough(
        self, shape: Shape, outlook: Outlook, reservation: Reservation | None, now: float
    ) -> bool:
        """Whether a gang could fit if everybody left."""
        if not self._everybody:
            return False
        if self._room is None or reservation is not self._reservation:
            self._room = self._without_them(outlook, reservation, now)
            self._reservation = reservation
        return self._room.count(worker_of(shape)) >= shape.fewest

    def _without_them(self, outlook: Outlook, reservation: Reservation | None, now: float) -> Room:
        soon = outlook.soon.copy()
        later = outlook.later.copy() if outlook.later is not None else None
        for holder in self._everybody:
            places, worker = outlook.staying_of(holder), worker_of(holder.job.shape)
            soon.add(places, worker, 1)
            if later is not None and reservation and not reservation.counts_on(holder, now):
                later.add(places, worker, 1)
        return least(outlook.hosts, soon, later or soon)
