"""Sends the records of a run to one tracker, from the file in which they are.

The file is the queue: nothing waits in memory, and what a tracker that is down has not received is
sent once it answers, by this attempt or by a later one. What a tracker refuses is left out.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from threading import Event

from distnet.run_folder.paths import RunFolder
from distnet.run_folder.records.trackers import Tracked, read_tracked, write_tracked
from distnet.tracking.points import Points, read_run
from distnet.tracking.tracker import NotSetUpError, Tracker

MOST_BYTES = 1 << 16
"""Of the file that are sent at once."""
TIMES_REFUSED = 2
"""By a tracker that answers: the first time it may just have come back."""
EVERY_S, LONGEST_WAIT_S, LAST_TRIES_S = 1.0, 30.0, 10.0
Say = Callable[[str], None]


class Sender:
    """Sends one run.

    Args:
        folder: of the run.
        kind: of the tracker.
        make: makes its client.
        is_over: set when the run has ended, so that the rest is sent.
        say: shows the user a line.
    """

    def __init__(
        self,
        folder: RunFolder,
        kind: str,
        make: Callable[[], Tracker],
        is_over: Event,
        say: Say,
    ) -> None:
        self._folder, self._kind, self._make = folder, kind, make
        self._is_over, self._say = is_over, say
        self._tracked = read_tracked(folder, kind)
        self._has_warned = self._has_left_out = False
        self._give_up_at: float | None = None

    def run(self) -> bool:
        """Send until the run is over; returns whether everything was sent."""
        tracker = self._begin()
        if tracker is None:
            return False
        points = Points(self._folder, self._tracked.num_bytes)
        while True:
            is_last = self._is_over.is_set()
            if not self._send(tracker, points):
                return False
            if is_last:
                break
            self._is_over.wait(EVERY_S)
        return self._try(lambda: tracker.end(points.status))

    def _begin(self) -> Tracker | None:
        made: list[Tracker] = []

        def begin() -> None:
            tracker = self._make()
            self._keep(tracker.begin(read_run(self._folder), self._tracked))
            made.append(tracker)

        if not self._try(begin):
            return None
        self._say(f"{self._kind}: {self._tracked.link}")
        return made[0]

    def _send(self, tracker: Tracker, points: Points) -> bool:
        """Send what the file holds by now."""
        while True:
            before, found = points.num_bytes, points.read(MOST_BYTES)
            if points.num_bytes == before:
                return True
            if found and not self._try(partial(tracker.log, found), tracker):
                return False
            self._keep(replace(self._tracked, num_bytes=points.num_bytes))

    def _keep(self, tracked: Tracked) -> None:
        self._tracked = tracked
        write_tracked(self._folder, self._kind, tracked)

    def _try(self, send: Callable[[], None], tracker: Tracker | None = None) -> bool:
        """Do it, again and again while the tracker does not answer; False to give up.

        Raises:
            NotSetUpError: the user has to do something first.
        """
        wait_s, num_refused = EVERY_S, 0
        while True:
            try:
                send()
                return True
            except NotSetUpError:
                raise
            except Exception as error:  # whatever a client raises
                is_up = tracker is not None and tracker.is_up()
                num_refused += is_up
                if num_refused == TIMES_REFUSED:
                    self._leave_out(error)
                    return True
                if not is_up:
                    self._warn(error)
            if self._is_given_up():
                return False
            self._is_over.wait(wait_s)
            if self._is_over.is_set():
                time.sleep(EVERY_S)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _warn(self, error: Exception) -> None:
        if not self._has_warned:
            self._has_warned = True
            self._say(
                f"{self._kind} does not answer ({first_line(error)}); training goes on, and what "
                "it records is sent when it does"
            )

    def _leave_out(self, error: Exception) -> None:
        if not self._has_left_out:
            self._has_left_out = True
            self._say(f"{self._kind} refuses some records, which are left out: {first_line(error)}")

    def _is_given_up(self) -> bool:
        """Whether the run is over for so long that nothing is tried any more."""
        if not self._is_over.is_set():
            return False
        if self._give_up_at is None:
            self._give_up_at = time.monotonic() + LAST_TRIES_S
        return time.monotonic() > self._give_up_at


def first_line(error: BaseException) -> str:
    """An error in one short line."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]
