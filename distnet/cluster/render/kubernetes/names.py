"""Names, labels and paths that the manifests share."""

from typing import Any

from distnet.cluster.file.providers import Kubernetes

RUNS = "/var/lib/distnet/runs"
STATE = "/var/lib/distnet/state"
TOKEN_KEY = "auth_token"
"""The key of the Secret that KubeRay reads."""
READY_S = 900
"""For the server's pod to be ready: images are pulled meanwhile."""
PART_OF = "app.kubernetes.io/part-of"
COMPONENT = "app.kubernetes.io/component"
HEAD, WORKER, SERVER, JOB = "head", "worker", "server", "job"


def metadata(cluster: Kubernetes, name: str, component: str | None = None) -> dict[str, Any]:
    """The metadata of an object."""
    labels = labels_of(cluster, component)
    return {"name": name, "namespace": cluster.namespace, "labels": labels}


def labels_of(cluster: Kubernetes, component: str | None = None) -> dict[str, str]:
    """The labels of an object or pod; the network policies select by them."""
    labels = {"app.kubernetes.io/name": "distnet", PART_OF: cluster.name}
    return labels | ({COMPONENT: component} if component else {})


def token_name(cluster: Kubernetes) -> str:
    """The Secret with the token of Ray."""
    return f"{cluster.name}-token"


def runs_name(cluster: Kubernetes) -> str:
    """The volume of run folders and datasets."""
    return f"{cluster.name}-runs"


def server_name(cluster: Kubernetes) -> str:
    """The Deployment and Service of the server."""
    return f"{cluster.name}-server"


def head_service(cluster: Kubernetes) -> str:
    """The Service that KubeRay makes for Ray's head."""
    return f"{cluster.name}-head-svc"
