"""What is held of the cluster, summed over time; and what users and teams used lately."""

from collections import defaultdict
from collections.abc import Sequence

from distnet.scheduler.order import FULL_USAGE, HALF_LIFE_S
from distnet.scheduler.view import Node
from distnet.sim.load import SimJob


class Usage:
    """Rates that change at events, and their integrals, worked out when they are asked for."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.cpus = sum(node.cpus for node in nodes)
        self.gpus = sum(node.gpus for node in nodes)
        self._held = [0.0, 0.0]
        self._held_s = [0.0, 0.0]
        self._counted_s = 0.0
        self._shares: dict[str, float] = defaultdict(float)
        """What each user and team holds now."""
        self._values: dict[str, float] = defaultdict(float)
        """What each used lately, at the time `_decayed_s`."""
        self._decayed_s = 0.0

    def add(self, job: SimJob, workers: int, now: float) -> None:
        """Count workers that come, or, if negative, go."""
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
        """The dominant share of one worker."""
        return max(job.cpus / self.cpus, job.gpus / self.gpus if self.gpus else 0.0)

    def at(self, now: float) -> dict[str, float]:
        """The decayed usage by `user:NAME` and `team:NAME`, as the server counts it."""
        kept = 0.5 ** ((now - self._decayed_s) / HALF_LIFE_S)
        if kept < 1:
            for who, share in self._shares.items():
                self._values[who] = self._values[who] * kept + share * FULL_USAGE * (1 - kept)
            self._decayed_s = now
        return dict(self._values)

    def utilisation(self, now: float) -> tuple[float, float | None]:
        """The parts of all CPUs and GPUs that were held, from the beginning until now."""
        self._integrate(now)
        if not now:
            return 0.0, None
        gpus = self._held_s[1] / (self.gpus * now) if self.gpus else None
        return self._held_s[0] / (self.cpus * now), gpus

    def _integrate(self, now: float) -> None:
        for kind, held in enumerate(self._held):
            self._held_s[kind] += held * (now - self._counted_s)
        self._counted_s = now
