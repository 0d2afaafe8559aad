"""Which worker this is, among which."""

from dataclasses import dataclass


@dataclass(frozen=True)
class World:
    """The workers of one attempt, as one of them sees it.

    torch.distributed is initialised (gloo, or NCCL on GPUs) when `size` is above 1.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    hosts: tuple[str, ...] = ("here",)
    """For each rank, the identity of the machine: equal where two ranks share memory."""
    device: str = "cpu"
