"""The groups of nodes that Ray's autoscaler adds and removes, from the file that it reads itself.

Ray 2.60 publishes them nowhere. `ray up` leaves the file on the head, with the CPUs and GPUs that
it has found out for each instance type; for Kubernetes, distnet writes one of the same form.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from distnet.errors import DistnetError

TYPES = "available_node_types"
MOST = "max_workers"
"""The most nodes: of a group, and of all groups together."""


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """A kind of node that an autoscaler adds and removes."""

    name: str
    cpus: float
    gpus: float
    max_nodes: int
    labels: Mapping[str, str] = field(default_factory=dict)


def read_groups(path: Path) -> tuple[NodeGroup, ...]:
    """Read the groups of a file for Ray's autoscaler.

    Raises:
        DistnetError: it cannot be read, or is no such file.
    """
    try:
        config = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise _error(path, f"cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise _error(path, f"is no YAML: {error}") from None
    if not isinstance(config, dict) or not isinstance(config.get(TYPES), dict):
        raise _error(path, f"found no section {TYPES}")
    head = config.get("head_node_type")
    found = (_group(path, name, row) for name, row in config[TYPES].items() if name != head)
    capped = (_capped(group, config.get(MOST)) for group in found)
    return tuple(group for group in capped if group.max_nodes > 0)


def _capped(group: NodeGroup, most: Any) -> NodeGroup:
    """Limit a group to what all groups together may have: Ray stops there."""
    if not isinstance(most, int) or most >= group.max_nodes:
        return group
    return replace(group, max_nodes=most)


def _group(path: Path, name: str, row: Any) -> NodeGroup:
    try:
        resources = row["resources"]
        most = int(row.get(MOST, 0))
        cpus, gpus = float(resources["CPU"]), float(resources.get("GPU", 0.0))
        labels = {str(key): str(value) for key, value in (row.get("labels") or {}).items()}
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise _error(path, f"{TYPES}.{name}: found no number of CPUs ({error!r:.100})") from None
    return NodeGroup(str(name), cpus, gpus, most, labels)


def _error(path: Path, what: str) -> DistnetError:
    return DistnetError(
        f"--autoscaling {path}: {what}; expected the file that Ray's autoscaler reads, on the head "
        "of `ray up` ~/ray_bootstrap_config.yaml"
    )
