"""What the workers of an attempt have used, added up over all groups of workers that it started."""

from collections.abc import Iterable

from distnet.protocol.usage import Used
from distnet.run_folder.workers.heartbeat import Beat
from distnet.run_folder.workers.worker_use import WorkerUse


class AttemptUse:
    """Keeps the newest measurement of each worker, also of those that have ended."""

    def __init__(self) -> None:
        self._uses: dict[tuple[int, int], WorkerUse] = {}
        """By launch and rank: each is a process of its own."""
        self._first_step: int | None = None
        self._began_at = self._step = 0
        self._num_before = 0
        """Steps that earlier groups of workers have made."""

    def begin(self, step: int) -> None:
        """A new group of workers begins at this step."""
        if self._first_step is None:
            self._first_step = step
        self._num_before += self._step - self._began_at
        self._began_at = self._step = step

    def take(self, beats: Iterable[Beat], step: int) -> None:
        """Take what its workers have measured, and the step that they have reached."""
        self._uses |= {(beat.attempt, beat.rank): beat.use for beat in beats}
        self._step = max(self._step, step)

    def used(self) -> Used | None:
        """The sums; None before anything was measured."""
        if not self._uses or self._first_step is None:
            return None
        uses = self._uses.values()
        gpu_s = [use.gpu_s for use in uses if use.gpu_s is not None]
        largest = max(uses, key=lambda use: use.peak_bytes)
        return Used(
            cpu_s=sum(use.cpu_s for use in uses),
            gpu_s=sum(gpu_s) if gpu_s else None,
            peak_bytes=largest.peak_bytes,
            node_bytes=largest.node_bytes,
            first_step=self._first_step,
            num_steps=self._num_before + self._step - self._began_at,
        )
