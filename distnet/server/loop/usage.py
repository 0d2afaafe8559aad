"""The recent usage of users and teams: seconds x share of the cluster, halved every day.

The share is the dominant one (Ghodsi et al., Dominant Resource Fairness, NSDI 2011): of CPUs or of
GPUs, whichever is larger.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from distnet.scheduler.shares import HALF_LIFE_S
from distnet.scheduler.view import Allocation, Node


@dataclass
class Usage:
    """Decayed sums by `user:NAME` and `team:NAME`."""

    values: dict[str, float] = field(default_factory=dict)
    counted_at: float = 0.0

    def count(self, allocations: Iterable[Allocation], nodes: Iterable[Node], now: float) -> None:
        """Add what was held since the last count."""
        passed = now - self.counted_at
        is_first = self.counted_at == 0.0
        self.counted_at = now
        if passed <= 0 or is_first:
            return
        decay = 0.5 ** (passed / HALF_LIFE_S)
        self.values = {key: v * decay for key, v in self.values.items() if v * decay > 1e-3}
        nodes = list(nodes)
        cpus, gpus = sum(n.cpus for n in nodes), sum(n.gpus for n in nodes)
        for allocation in allocations:
            share = _share(allocation, cpus, gpus) * passed
            for key in (f"user:{allocation.job.owner}", f"team:{allocation.job.team}"):
                self.values[key] = self.values.get(key, 0.0) + share

    def load(self, saved: Mapping[str, tuple[float, float]], now: float) -> None:
        """Load saved values, decayed until now."""
        self.values = {
            key: value * 0.5 ** (max(0.0, now - time) / HALF_LIFE_S)
            for key, (value, time) in saved.items()
        }
        self.counted_at = now


def _share(allocation: Allocation, cpus: float, gpus: float) -> float:
    shape, workers = allocation.job.shape, allocation.workers
    by_cpu = shape.cpus * workers / cpus if cpus else 0.0
    by_gpu = shape.gpus * workers / gpus if gpus else 0.0
    return max(by_cpu, by_gpu)
