"""Find the worker of an attempt that hangs, from the heartbeats of all workers."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from distnet.errors import HangError
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.workers.heartbeat import STARTING_LIMIT_S, Beat, Stage, read_heartbeats

POLL_S = 0.5

WAITING = (Stage.SUMMING, Stage.STARTING)
"""In which workers wait for others: before the first step, until all have data and packages."""
GAP_S = 5.0
"""If the launcher itself did not run for this long, as when a laptop sleeps, no worker hangs."""


@dataclass
class HangWatch:
    """Watches the workers of one attempt."""

    folder: RunFolder
    attempt: int
    workers: int
    last_beat: float = 0.0
    """Unix time at which a heartbeat last changed; 0 before the first."""
    _seen: dict[int, Beat] = field(default_factory=dict)
    _since: dict[int, float] = field(default_factory=dict)
    _polled: float = field(default_factory=time.monotonic)
    _log_sizes: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ranks = range(self.workers)
        self._since = dict.fromkeys(ranks, self._polled)
        self._log_sizes = {rank: _size(self.folder.worker_log(rank)) for rank in ranks}

    @property
    def is_training(self) -> bool:
        """Whether all workers are beyond their start: before, they may not even be placed."""
        stages = [self._seen[rank].stage for rank in range(self.workers) if rank in self._seen]
        return len(stages) == self.workers and all(stage.is_training for stage in stages)

    def poll(self) -> None:
        """Compare the heartbeats with those of the last poll.

        Raises:
            HangError: the heartbeat of a worker stayed the same for longer than its limit.
        """
        now = time.monotonic()
        if now - self._polled < POLL_S:
            return
        if now - self._polled > GAP_S:
            self._since = {rank: since + now - self._polled for rank, since in self._since.items()}
        self._polled = now
        for beat in read_heartbeats(self.folder.heartbeats):
            if beat.attempt == self.attempt and beat != self._seen.get(beat.rank):
                self._seen[beat.rank], self._since[beat.rank] = beat, now
                self.last_beat = time.time()
        late = [rank for rank in range(self.workers) if now - self._since[rank] > self._limit(rank)]
        if late and not self._wait_for_another(late):
            raise HangError(self._describe(late[0], now))

    def _wait_for_another(self, late: list[int]) -> bool:
        """Whether the late ones wait for one that makes progress.

        It evaluates more samples, say, or copies a dataset that the others have.
        """
        stages = {rank: beat.stage for rank, beat in self._seen.items()}
        has_others = any(stages[rank] is not Stage.ENDED for rank in stages if rank not in late)
        return has_others and all(stages.get(rank) in WAITING for rank in late)

    def _limit(self, rank: int) -> float:
        return self._seen[rank].limit_s if rank in self._seen else STARTING_LIMIT_S

    def _describe(self, rank: int, now: float) -> str:
        """Name the worker for which the others wait, and where its stacks are."""
        who = self._blame(rank)
        if who not in self._seen:
            return f"worker {who} did not begin to train within {STARTING_LIMIT_S:.0f} s"
        beat, log = self._seen[who], self.folder.worker_log(who)
        what = f"{beat.stage.name.lower()} in step {beat.step + 1}"
        stacks = (
            f"the stacks of its threads are in {log}"
            if self._has_stacks(who)
            else "it wrote no stacks, as if it were stopped (SIGSTOP) or its machine frozen; "
            f"those of the others are in {log.parent}"
        )
        return f"worker {who} hung for {now - self._since[who]:.0f} s, {what}; {stacks}"

    def _blame(self, late: int) -> int:
        """Workers in the sum wait for one that is not, or that is too stuck to write its stacks."""
        ranks = sorted(self._seen)
        busy = [rank for rank in ranks if self._seen[rank].stage != Stage.SUMMING]
        silent = [rank for rank in ranks if not self._has_stacks(rank)]
        return [*busy, *silent, late][0]

    def _has_stacks(self, rank: int) -> bool:
        """Whether the worker's `faulthandler` has written stacks in this attempt."""
        try:
            with self.folder.worker_log(rank).open("rb") as file:
                file.seek(self._log_sizes.get(rank, 0))
                return b"Timeout (" in file.read()
        except OSError:
            return False


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
