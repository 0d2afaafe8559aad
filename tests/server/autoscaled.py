"""A Ray whose autoscaler makes nodes: real processes on this machine, by Ray's own fake provider.

Ray's `AutoscalingCluster` does the same, but ends every Ray of the machine before it starts.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray.autoscaler._private.fake_multi_node.node_provider import (
    FAKE_HEAD_NODE_ID,
    FAKE_HEAD_NODE_TYPE,
    FakeMultiNodeProvider,
)

from distnet.launch.ports import free_port
from distnet.launch.ray.node import LOOPBACK, NodeOptions, RayNode, new_token

ROOT = Path(__file__).parents[2]
Groups = Mapping[str, Mapping[str, Any]]
"""By name: resources, labels and `max_workers`, as in the file of the autoscaler."""
COMMANDS = (
    *("initialization_commands", "setup_commands", "head_setup_commands"),
    *("worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands"),
)
PROVIDER = f"{FakeMultiNodeProvider.__module__}.{FakeMultiNodeProvider.__name__}"
FAKE = {
    "RAY_FAKE_CLUSTER": "1",
    "RAY_enable_autoscaler_v2": "1",
    "RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID,
    "RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID,
    "AUTOSCALER_UPDATE_INTERVAL_S": "1",
}


@dataclass(frozen=True)
class Autoscaled:
    """A head without CPUs, and groups of nodes that do not exist yet."""

    node: RayNode
    dashboard: str
    config: Path
    """The file of the autoscaler."""
    token: str

    @property
    def environment(self) -> dict[str, str]:
        """What a client of this Ray needs."""
        here = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "DISTNET_"))}
        return here | self.node.options.credentials | {"PYTHONPATH": str(ROOT)}


@contextmanager
def autoscaled_ray(groups: Groups, *, idle_s: float) -> Iterator[Autoscaled]:
    """Start it; all of its nodes end with the context."""
    folder = Path(tempfile.mkdtemp(prefix="distnet-ray-", dir="/tmp"))
    port, token = free_port(LOOPBACK), new_token()
    dashboard = f"{LOOPBACK}:{free_port(LOOPBACK)}"
    config = folder / "autoscaler.yaml"
    config.write_text(json.dumps(_config(groups, f"{LOOPBACK}:{port}", idle_s)))
    options = NodeOptions(
        LOOPBACK,
        folder,
        0,
        port=port,
        dashboard=dashboard,
        token=token,
        arguments=(f"--autoscaling-config={config}",),
        environment={"PYTHONPATH": str(ROOT), **FAKE},
    )
    node = RayNode(options)
    try:
        node.start()
        node.wait()
        yield Autoscaled(node, f"http://{dashboard}", config, token)
    finally:
        node.end()
        shutil.rmtree(folder, ignore_errors=True)


def _config(groups: Groups, gcs: str, idle_s: float) -> dict[str, Any]:
    head = {"resources": {"CPU": 0}, "node_config": {}, "min_workers": 0, "max_workers": 0}
    types = {name: {"node_config": {}, "min_workers": 0, **group} for name, group in groups.items()}
    return {
        "cluster_name": "fake",
        "max_workers": sum(group["max_workers"] for group in groups.values()),
        "provider": {
            "type": "external",  # Ray's wheels lack the defaults of type fake_multinode
            "module": PROVIDER,
            "gcs_address": gcs,
            "head_node_id": FAKE_HEAD_NODE_ID,
            "launch_multiple": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
        },
        "available_node_types": {FAKE_HEAD_NODE_TYPE: head, **types},
        "head_node_type": FAKE_HEAD_NODE_TYPE,
        "upscaling_speed": 1.0,
        "idle_timeout_minutes": idle_s / 60,
        "auth": {},
        "docker": {},
        "file_mounts": {},
        "cluster_synced_files": [],
        "file_mounts_sync_continuously": False,
        "rsync_exclude": [],
        "rsync_filter": [],
        **{key: [] for key in COMMANDS},
    }
