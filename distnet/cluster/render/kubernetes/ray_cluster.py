"""KubeRay's RayCluster: a head that runs no workers, and a worker group for each group.

Source: docs.ray.io, RayCluster Configuration and RayCluster token authentication (KubeRay 1.6).
"""

from typing import Any

from distnet.cluster.file.groups import KubernetesGroup
from distnet.cluster.file.providers import Kubernetes
from distnet.cluster.render.group_labels import group_labels
from distnet.cluster.render.kubernetes.names import HEAD, WORKER, metadata, token_name
from distnet.cluster.render.kubernetes.pods import (
    CONTAINER_SECURITY,
    memory_mount,
    memory_volume,
    quantity,
    resources,
    runs_mount,
    runs_volume,
    template,
)
from distnet.cluster.render.merge import merged
from distnet.cluster.versions import version_of

API = "ray.io/v1"
PORTS = {"gcs-server": 6379, "dashboard": 8265, "client": 10001}
"""As KubeRay sets them."""
WITHOUT_GPU = "0"


def ray_cluster(cluster: Kubernetes) -> dict[str, Any]:
    """The RayCluster of a server's jobs."""
    return {
        "apiVersion": API,
        "kind": "RayCluster",
        "metadata": metadata(cluster, cluster.name),
        "spec": merged(spec(cluster), cluster.ray),
    }


def spec(cluster: Kubernetes) -> dict[str, Any]:
    """What a RayCluster consists of, before the raw keys of `ray:` are put over it."""
    return {
        "rayVersion": version_of("ray"),
        "authOptions": {"mode": "token", "secretName": token_name(cluster)},
        **(_autoscaling(cluster) if is_autoscaled(cluster) else {}),
        "headGroupSpec": _head(cluster),
        "workerGroupSpecs": [worker_group(cluster, name) for name in cluster.groups],
    }


def is_autoscaled(cluster: Kubernetes) -> bool:
    """Whether the number of nodes may change."""
    return any(group.nodes.min < group.nodes.max for group in cluster.groups.values())


def _autoscaling(cluster: Kubernetes) -> dict[str, Any]:
    options = {
        "version": "v2",
        "idleTimeoutSeconds": round(cluster.idle),
        "resources": resources("500m", "1Gi"),
        "securityContext": dict(CONTAINER_SECURITY),
    }
    return {"enableInTreeAutoscaling": True, "autoscalerOptions": options}


def _head(cluster: Kubernetes) -> dict[str, Any]:
    memory = cluster.head.memory
    container = {
        "name": "ray-head",
        "image": cluster.image,
        "ports": [{"name": name, "containerPort": port} for name, port in PORTS.items()],
        "resources": resources(cluster.head.cpus, quantity(memory)),
        "securityContext": dict(CONTAINER_SECURITY),
        "volumeMounts": [runs_mount(), memory_mount()],
    }
    pod = {
        # The autoscaler runs in this pod, and speaks to Kubernetes with the pod's account.
        "automountServiceAccountToken": is_autoscaled(cluster),
        "containers": [container],
        "volumes": [runs_volume(cluster), memory_volume(memory // 2)],
    }
    start = {"num-cpus": "0", "num-gpus": WITHOUT_GPU, "dashboard-host": "0.0.0.0"}
    return {"rayStartParams": start, "template": template(cluster, HEAD, pod)}


def worker_group(cluster: Kubernetes, name: str) -> dict[str, Any]:
    """One worker group, without `replicas`: applied again, it would end nodes that are in use."""
    group = cluster.groups[name]
    return {
        "labels": group_labels(name, group),
        "groupName": name,
        "minReplicas": group.nodes.min,
        "maxReplicas": group.nodes.max,
        "rayStartParams": _start(group),
        "template": template(cluster, WORKER, _worker(cluster, group)),
    }


def _start(group: KubernetesGroup) -> dict[str, str]:
    """The options of `ray start`; KubeRay takes CPUs, memory and GPUs from the container."""
    options = {"num-gpus": WITHOUT_GPU} if not group.gpus else {}
    if group.resources:
        # As a JSON text within a JSON text, which is how KubeRay passes it through a shell.
        amounts = ",".join(f'\\"{name}\\":{amount:g}' for name, amount in group.resources.items())
        options["resources"] = f'"{{{amounts}}}"'
    return options


def _worker(cluster: Kubernetes, group: KubernetesGroup) -> dict[str, Any]:
    gpus = {group.gpu_resource: group.gpus} if group.gpus else {}
    container = {
        "name": "ray-worker",
        "image": group.image or cluster.image,
        "resources": resources(group.cpus, quantity(group.memory), gpus),
        "securityContext": dict(CONTAINER_SECURITY),
        "volumeMounts": [runs_mount(), memory_mount()],
    }
    pod: dict[str, Any] = {"containers": [container]}
    if group.selector:
        pod["nodeSelector"] = dict(group.selector)
    if group.gpus:
        pod["tolerations"] = [
            {"key": group.gpu_resource, "operator": "Exists", "effect": "NoSchedule"}
        ]
    return pod | {"volumes": [runs_volume(cluster), memory_volume(group.memory // 2)]}
