"""What all workers have to know of one another, on the rare occasions that no sum tells it."""

from typing import TypeVar

import torch.distributed as dist

from distnet.train.world import World

T = TypeVar("T")


def gather(world: World, value: T) -> list[T]:
    """The value of every worker, by rank; all workers have to call this at the same step."""
    if world.size == 1:
        return [value]
    values: list[T | None] = [None] * world.size
    dist.all_gather_object(values, value)
    return values  # type: ignore[return-value]  # every place is filled
