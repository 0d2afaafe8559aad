"""Utilisation of the cluster over time, and the recent usage of users and teams."""

from collections import defaultdict
from collections.abc import Sequence

from distnet.scheduler.shares import FULL_USAGE, HALF_LIFE_S
from distnet.scheduler.view import Node
from distnet.sim.load import SimJob


class Usage:
    """What is held changes at events; integrals over time are updated on demand."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.cpus = sum(node.cpus for node in nodes)
        self.gpus = sum(node.gpus for node in nodes)
        self._held = [0.0, 0.0]
        self._held_s = [0.0, 0.0]
        self._counted_s = 0.0
        self._shares: dict[str, float] = defaultdict(float)
        """Dominant share that each user and team holds now."""
        self._values: dict[str, float] = defaultdict(float)
        """Decayed usage of each at the time `_decayed_s`."""
        self._decayed_s = 0.0

    def add(self, job: SimJob, workers: int, now: float) -> None:
        """Add workers, or remove them if negative."""
        if not workers:
            return
        self._integrate(now)
        self.at(now)
        cpus, gpus = workers * job.cpus, workers * job.gpus
        self._held[0] += cpus
        self._held[1] += gpus
        share = self.share(job) * workers
        self._shares[f"user:{job.user}"] += share
        self._shares[f"team:{job.team}"] += share

    def share(self, job: SimJob) -> float:
        """Return the dominant share of one worker."""
        return max(job.cpus / self.cpus, job.gpus / self.gpus if self.gpus else 0.0)

    def at(self, now: float) -> dict[str, float]:
        """Return the decayed usage by `user:NAME` and `team:NAME`, as the server computes it."""
        kept = 0.5 ** ((now - self._decayed_s) / HALF_LIFE_S)
        if kept < 1:
            for key, share in self._shares.items():
                self._values[key] = self._values[key] * kept + share * FULL_USAGE * (1 - kept)
            self._decayed_s = now
        return dict(self._values)

    def utilisation(self, now: float) -> tuple[float, float | None]:
        """Return the fractions of all CPUs and GPUs that were held from time 0 until now."""
        self._integrate(now)
        if not now:
            return 0.0, None
        gpus = self._held_s[1] / (self.gpus * now) if self.gpus else None
        return self._held_s[0] / (self.cpus * now), gpus

    def _integrate(self, now: float) -> None:
        for kind, held in enumerate(self._held):
            self._held_s[kind] += held * (now - self._counted_s)
        self._counted_s = now
