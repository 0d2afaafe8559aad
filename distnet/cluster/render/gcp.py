"""What is Google Cloud's own in Ray's launcher file."""

from typing import Any

from distnet.cluster.file.groups import GcpGroup, GcpHead
from distnet.cluster.file.providers import Gcp
from distnet.cluster.render.group_labels import group_labels

CLIENT = ("googleapiclient", "google-api-python-client google-auth cryptography")
GIB = 2**30


def provider(cluster: Gcp) -> dict[str, Any]:
    """The section `provider`."""
    return {
        "type": "gcp",
        "region": cluster.zone.rpartition("-")[0],
        "availability_zone": cluster.zone,
        "project_id": cluster.project,
        "cache_stopped_nodes": False,
    }


def node_types(cluster: Gcp) -> dict[str, Any]:
    """The head and the groups. Ray does not find out what a machine type has."""
    head = {
        "resources": {"CPU": 0},
        "min_workers": 0,
        "max_workers": 0,
        "node_config": _machine(cluster, cluster.head),
    }
    return {"head": head} | {name: _group(cluster, name) for name in cluster.groups}


def num_cpus(group: GcpGroup) -> int:
    """The CPUs of a node: those of the file, or the number at the end of the machine type."""
    return group.cpus or int(group.shape.rpartition("-")[2])


def _group(cluster: Gcp, name: str) -> dict[str, Any]:
    group = cluster.groups[name]
    gpus = {"GPU": group.gpus} if group.gpus else {}
    return {
        "resources": {"CPU": num_cpus(group)} | gpus | dict(group.resources),
        "labels": group_labels(name, group),
        "min_workers": group.nodes.min,
        "max_workers": group.nodes.max,
        "node_config": _machine(cluster, group) | _accelerators(cluster, group) | _spot(group),
    }


def _machine(cluster: Gcp, node: GcpHead | GcpGroup) -> dict[str, Any]:
    image = node.machine_image or cluster.machine_image
    disk = {"diskSizeGb": -(-node.disk // GIB), "sourceImage": image}
    return {
        "machineType": node.shape,
        "disks": [
            {"boot": True, "autoDelete": True, "type": "PERSISTENT", "initializeParams": disk}
        ],
    }


def _accelerators(cluster: Gcp, group: GcpGroup) -> dict[str, Any]:
    if group.accelerator is None:
        return {}
    where = f"projects/{cluster.project}/zones/{cluster.zone}/acceleratorTypes"
    kind = f"{where}/{group.accelerator}"
    return {"guestAccelerators": [{"acceleratorType": kind, "acceleratorCount": group.gpus}]}


def _spot(group: GcpGroup) -> dict[str, Any]:
    """How Google may interrupt a node: machines with GPUs cannot be moved to other hosts."""
    if group.spot:
        spot = {"provisioningModel": "SPOT", "instanceTerminationAction": "DELETE"}
        return {"scheduling": spot | {"onHostMaintenance": "TERMINATE", "automaticRestart": False}}
    return {"scheduling": {"onHostMaintenance": "TERMINATE"}} if group.gpus else {}
