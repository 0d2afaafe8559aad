"""What the launcher looks at while an attempt trains: hangs, and reasons to change its workers."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from distnet.errors import HangError
from distnet.launch.launcher import Room
from distnet.launch.sizing import Size
from distnet.run_folder.heartbeat import STARTING_LIMIT_S, Sign, Stage, read_heartbeats
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.stop import DRAIN, RESIZE, ask_to_stop

LOOKED_AT_EVERY_S = 0.5

GAP_S = 5.0
"""The launcher itself did not run for so long, as when a laptop sleeps: nobody is to blame."""


@dataclass
class HangWatch:
    """Watches the workers of one attempt."""

    folder: RunFolder
    attempt: int
    workers: int
    last_sign: float = 0.0
    """Unix time of the newest sign that was seen."""
    _seen: dict[int, Sign] = field(default_factory=dict)
    _since: dict[int, float] = field(default_factory=dict)
    _looked: float = field(default_factory=time.monotonic)
    _log_sizes: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ranks = range(self.workers)
        self._since = dict.fromkeys(ranks, self._looked)
        self._log_sizes = {rank: _size(self.folder.worker_log(rank)) for rank in ranks}

    @property
    def is_training(self) -> bool:
        """Whether all workers were seen beyond their start: before, they may not even be placed."""
        stages = [self._seen[rank].stage for rank in range(self.workers) if rank in self._seen]
        return len(stages) == self.workers and Stage.STARTING not in stages

    def look(self) -> None:
        """Compare the heartbeats with those of the last look.

        Raises:
            HangError: a worker gave no sign for longer than its limit.
        """
        now = time.monotonic()
        if now - self._looked < LOOKED_AT_EVERY_S:
            return
        if now - self._looked > GAP_S:
            self._since = {rank: since + now - self._looked for rank, since in self._since.items()}
        self._looked = now
        for sign in read_heartbeats(self.folder.heartbeats):
            if sign.attempt == self.attempt and sign != self._seen.get(sign.rank):
                self._seen[sign.rank], self._since[sign.rank] = sign, now
                self.last_sign = time.time()
        late = [rank for rank in range(self.workers) if now - self._since[rank] > self._limit(rank)]
        if late and not self._wait_for_another(late):
            raise HangError(self._describe(late[0], now))

    def _wait_for_another(self, late: list[int]) -> bool:
        """Whether those that are late wait for one that goes on, as with unequal evaluations."""
        stages = {rank: sign.stage for rank, sign in self._seen.items()}
        goes_on = any(stages[rank] is not Stage.ENDED for rank in stages if rank not in late)
        return goes_on and all(stages.get(rank) is Stage.SUMMING for rank in late)

    def _limit(self, rank: int) -> float:
        return self._seen[rank].limit_s if rank in self._seen else STARTING_LIMIT_S

    def _describe(self, rank: int, now: float) -> str:
        """Name the worker for which the others wait, and where its stacks are."""
        who = self._blame(rank)
        if who not in self._seen:
            return f"worker {who} did not begin to train within {STARTING_LIMIT_S:.0f} s"
        sign, log = self._seen[who], self.folder.worker_log(who)
        what = f"{sign.stage.name.lower()} in step {sign.step + 1}"
        said = (
            f"the stacks of its threads are in {log}"
            if self._has_stacks(who)
            else "it wrote no stacks, as if it were stopped (SIGSTOP) or its machine frozen; "
            f"those of the others are in {log.parent}"
        )
        return f"worker {who} hung for {now - self._since[who]:.0f} s, {what}; {said}"

    def _blame(self, late: int) -> int:
        """Those that sit in the sum wait for one that does not, or that cannot even say so."""
        ranks = sorted(self._seen)
        busy = [rank for rank in ranks if self._seen[rank].stage != Stage.SUMMING]
        silent = [rank for rank in ranks if not self._has_stacks(rank)]
        return [*busy, *silent, late][0]

    def _has_stacks(self, rank: int) -> bool:
        """Whether the worker's `faulthandler` has spoken in this attempt."""
        try:
            with self.folder.worker_log(rank).open("rb") as file:
                file.seek(self._log_sizes.get(rank, 0))
                return b"Timeout (" in file.read()
        except OSError:
            return False


ROOM_LOOKED_AT_EVERY_S = 2.0
NODES_LOOKED_AT_EVERY_S = 1.0


@dataclass
class Watch:
    """Looks after one attempt."""

    folder: RunFolder
    attempt: int
    workers: int
    most: int
    """The workers that training may grow to by itself."""
    slices: int
    """The workers that there may be in any case."""
    room: Room
    asked: int | None = None
    """The workers that somebody asked for."""
    is_drained: bool = False
    """Whether a node with a worker is about to be taken away."""
    _hangs: HangWatch = field(init=False)
    _nodes_looked: float = field(default_factory=time.monotonic)
    _room_looked: float = field(default_factory=time.monotonic)
    _had_room: bool = False

    def __post_init__(self) -> None:
        self._hangs = HangWatch(self.folder, self.attempt, self.workers)

    def look(self) -> None:
        """Look at everything that is due.

        Raises:
            HangError: a worker makes no step any more.
        """
        self._hangs.look()
        self._look_for_request()
        now = time.monotonic()
        if now - self._nodes_looked > NODES_LOOKED_AT_EVERY_S:
            self._nodes_looked = now
            self._look_at_nodes()
        if self.workers < self.most and now - self._room_looked > ROOM_LOOKED_AT_EVERY_S:
            self._room_looked = now
            if self._hangs.is_training:  # else what its own workers need looks free
                self._look_for_room()

    def next_size(self, size: Size) -> Size:
        """The workers that the next attempt may have."""
        return size if self.asked is None else size.asked_for(self.asked)

    @property
    def last_sign(self) -> float:
        """Unix time of the newest sign of life that was seen; 0 if none was."""
        return self._hangs.last_sign

    def _look_for_request(self) -> None:
        wanted = take_request(self.folder, self.slices)
        if wanted is not None and wanted != self.workers:
            self.asked = wanted
            ask_to_stop(self.folder, RESIZE)

    def _look_at_nodes(self) -> None:
        if self.room.is_home_draining():
            ask_to_stop(self.folder)  # the launcher itself goes: go on from another machine
        elif not self.is_drained and self.room.is_draining(self.folder, self.workers):
            self.is_drained = True
            ask_to_stop(self.folder, DRAIN)

    def _look_for_room(self) -> None:
        """Grow when there is room twice in a row: others may be about to take it."""
        has_room = self.room.free_workers() > 0
        if has_room and self._had_room:
            ask_to_stop(self.folder, RESIZE)
        self._had_room = has_room


def take_request(folder: RunFolder, slices: int) -> int | None:
    """The number of workers that someone asked for, if so; the request is then gone.

    More than `slices` cannot be: `distnet resize` says so, a file made by hand may ask for it.
    """
    try:
        text = folder.resize.read_text()
    except OSError:
        return None
    folder.resize.unlink(missing_ok=True)
    wanted = int(text) if text.strip().isdecimal() else 0
    return min(wanted, slices) or None


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
