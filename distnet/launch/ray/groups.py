"""List the placement groups of a Ray: `python -m distnet.launch.ray.groups HOST:PORT`.

A process of its own, so that the caller does not become a client of that Ray.
"""

import json
import logging
import sys

import ray
from ray.util import placement_group_table


def placement_groups(address: str) -> list[str]:
    """The names of the groups that hold or wait for resources."""
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    try:
        table = placement_group_table().items()
        return [facts["name"] or key for key, facts in table if facts["state"] != "REMOVED"]
    finally:
        ray.shutdown()


if __name__ == "__main__":
    print(json.dumps(placement_groups(sys.argv[1])))  # noqa: T201
