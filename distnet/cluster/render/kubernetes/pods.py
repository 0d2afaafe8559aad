"""Pods that satisfy the restricted Pod Security Standard: no root, no capabilities."""

from collections.abc import Mapping
from typing import Any

from distnet.cluster.file.providers import Kubernetes
from distnet.cluster.render.kubernetes.names import RUNS, labels_of, runs_name

USER = 1000
"""The user of the image, and the group of the volumes."""
CONTAINER_SECURITY: Mapping[str, Any] = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
POD_SECURITY: Mapping[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "fsGroup": USER,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}
UNITS = {"Gi": 2**30, "G": 10**9, "Mi": 2**20, "M": 10**6}
RUNS_VOLUME = "runs"
MEMORY_VOLUME = "shared-memory"


def template(cluster: Kubernetes, component: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The template of pods: labels and what all pods have, with `spec` over it."""
    own = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # their variables would look like distnet's own settings
        "securityContext": dict(POD_SECURITY),
    }
    return {"metadata": {"labels": labels_of(cluster, component)}, "spec": own | dict(spec)}


def quantity(num_bytes: int) -> str:
    """Write an amount as Kubernetes does: 16G, 64Gi, or the bytes themselves."""
    for unit, size in UNITS.items():
        if num_bytes % size == 0:
            return f"{num_bytes // size}{unit}"
    return str(num_bytes)


def resources(cpus: int | str, memory: str, extra: Mapping[str, int] = {}) -> dict[str, Any]:  # noqa: B006
    """What a container requests. Memory and extra resources are also its limit."""
    limits = {"memory": memory} | {name: str(count) for name, count in extra.items()}
    return {"requests": {"cpu": str(cpus)} | limits, "limits": limits}


def runs_mount() -> dict[str, Any]:
    """Where a container has the volume of run folders."""
    return {"name": RUNS_VOLUME, "mountPath": RUNS}


def runs_volume(cluster: Kubernetes) -> dict[str, Any]:
    """The volume of run folders, as a pod names it."""
    return {"name": RUNS_VOLUME, "persistentVolumeClaim": {"claimName": runs_name(cluster)}}


def memory_mount() -> dict[str, Any]:
    """Shared memory: Ray's object store, and the gradients of workers on one node."""
    return {"name": MEMORY_VOLUME, "mountPath": "/dev/shm"}


def memory_volume(num_bytes: int) -> dict[str, Any]:
    """Shared memory of a size; it counts as the memory of the pod."""
    return {
        "name": MEMORY_VOLUME,
        "emptyDir": {"medium": "Memory", "sizeLimit": quantity(num_bytes)},
    }
