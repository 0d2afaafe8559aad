"""Run a function on a certain node of a Ray."""

from collections.abc import Callable
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy


def on_node(function: Callable[..., Any], node: str) -> Any:
    """Make a Ray task of a function that runs on `node`, and never a second time."""
    strategy = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(function).options(num_cpus=0, max_retries=0, scheduling_strategy=strategy)
