"""Workers on hosts, in the order of their ranks: which of them share memory, and which a link."""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Layout:
    """W workers, `per_host` on each host; the last host may have fewer."""

    workers: int
    """W."""
    per_host: int = 1
    has_shared_memory: bool = True
    """Whether the workers of a host see one another's rows: on x86 CPUs, not on GPUs."""

    @cached_property
    def hosts(self) -> tuple[range, ...]:
        """The ranks of each host."""
        starts = range(0, self.workers, self.per_host)
        return tuple(range(s, min(s + self.per_host, self.workers)) for s in starts)

    @cached_property
    def groups(self) -> tuple[range, ...]:
        """The ranks of each group that shares memory: a host, or a worker alone."""
        if self.has_shared_memory:
            return self.hosts
        return tuple(range(rank, rank + 1) for rank in range(self.workers))

    @property
    def ranks(self) -> range:
        """All ranks."""
        return range(self.workers)

    def host_of(self, group: int) -> int:
        """The index of the host of a group."""
        return group if self.has_shared_memory else group // self.per_host
