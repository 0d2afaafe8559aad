"""Run a function on a certain node of a Ray."""

from collections.abc import Callable
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy


def on_node(function: Callable[..., Any], node: str, **options: Any) -> Any:
    """Make a Ray task of a function that runs on `node`, and never a second time.

    Args:
        function: of a module that all nodes have.
        node: its id.
        options: more options of the task, such as `num_returns`.
    """
    strategy = NodeAffinitySchedulingStrategy(node, soft=False)
    options |= {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": strategy}
    return ray.remote(function).options(**options)
