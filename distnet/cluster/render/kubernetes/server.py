"""The distnet server: a Deployment with its ledger on a volume, and a Service."""

import hashlib
import json
from typing import Any

import yaml

from distnet.cluster.file.providers import Kubernetes
from distnet.cluster.render.group_labels import group_labels
from distnet.cluster.render.kubernetes.names import (
    COMPONENT,
    PART_OF,
    READY_S,
    RUNS,
    SERVER,
    STATE,
    TOKEN_KEY,
    head_service,
    metadata,
    server_name,
    token_name,
)
from distnet.cluster.render.kubernetes.pods import (
    CONTAINER_SECURITY,
    resources,
    runs_mount,
    runs_volume,
    template,
)

CPUS, MEMORY = "500m", "2Gi"
ADMIN_TOKEN = f"{STATE}/admin-token"
LEDGER_SIZE = "10Gi"
GROUPS, GROUPS_FILE = "/etc/distnet/groups", "groups.yaml"


def server(cluster: Kubernetes) -> list[dict[str, Any]]:
    """The volume of the ledger, the groups of nodes, the Deployment and the Service."""
    return [_ledger(cluster), _groups(cluster), _deployment(cluster), _service(cluster)]


def ledger_name(cluster: Kubernetes) -> str:
    """The volume of the ledger: SQLite, which one server writes."""
    return f"{cluster.name}-ledger"


def _ledger(cluster: Kubernetes) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(cluster, ledger_name(cluster), SERVER),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": LEDGER_SIZE}},
        },
    }


def groups_name(cluster: Kubernetes) -> str:
    """The ConfigMap with the groups of nodes."""
    return f"{cluster.name}-groups"


def _groups(cluster: Kubernetes) -> dict[str, Any]:
    """The groups as the server reads them: the form of the file of Ray's autoscaler."""
    text = yaml.safe_dump({"available_node_types": _node_types(cluster)}, sort_keys=False)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(cluster, groups_name(cluster), SERVER),
        "data": {GROUPS_FILE: text},
    }


def _node_types(cluster: Kubernetes) -> dict[str, Any]:
    return {
        name: {
            "resources": {"CPU": group.cpus} | ({"GPU": group.gpus} if group.gpus else {}),
            "labels": group_labels(name, group),
            "min_workers": group.nodes.min,
            "max_workers": group.nodes.max,
        }
        for name, group in cluster.groups.items()
    }


def _deployment(cluster: Kubernetes) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(cluster, server_name(cluster), SERVER),
        "spec": {
            "replicas": 1,
            "progressDeadlineSeconds": READY_S,
            # The next server starts when the last has ended: one server leads a ledger.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {PART_OF: cluster.name, COMPONENT: SERVER}},
            "template": _template(cluster),
        },
    }


def _template(cluster: Kubernetes) -> dict[str, Any]:
    """The pod, which is replaced when the groups change: the server reads them when it starts."""
    pod = template(cluster, SERVER, _pod(cluster))
    groups = json.dumps(_node_types(cluster)).encode()
    own = {"distnet.io/groups": hashlib.sha256(groups).hexdigest()[:16]}
    return pod | {"metadata": pod["metadata"] | {"annotations": own}}


def _pod(cluster: Kubernetes) -> dict[str, Any]:
    ledger = {"name": "state", "persistentVolumeClaim": {"claimName": ledger_name(cluster)}}
    groups = {"name": "groups", "configMap": {"name": groups_name(cluster)}}
    return {
        "terminationGracePeriodSeconds": 30,
        "initContainers": [_first_token(cluster)],
        "containers": [_container(cluster)],
        "volumes": [runs_volume(cluster), ledger, groups, {"name": "tmp", "emptyDir": {}}],
    }


def _first_token(cluster: Kubernetes) -> dict[str, Any]:
    """The token of the first admin: without one, the server listens on loopback only."""
    make = f"distnet server token admin --role admin > {ADMIN_TOKEN}.new"
    once = f"test -s {ADMIN_TOKEN} || ({make} && mv {ADMIN_TOKEN}.new {ADMIN_TOKEN})"
    command = ["sh", "-c", f"umask 077; {once}"]
    return {"name": "first-token", "command": command} | _common(cluster)


def _container(cluster: Kubernetes) -> dict[str, Any]:
    port = cluster.server.port
    address = f"http://{server_name(cluster)}.{cluster.namespace}:{port}"
    check = {"httpGet": {"path": "/healthz", "port": "http"}}
    return {
        "name": "server",
        "command": ["distnet", "server", "start", "--wait"],
        "args": [
            f"--listen=0.0.0.0:{port}",
            f"--address={address}",
            f"--ray=http://{head_service(cluster)}:8265",
            f"--runs={RUNS}",
            f"--autoscaling={GROUPS}/{GROUPS_FILE}",
            f"--gcs={head_service(cluster)}:6379",
        ],
        "ports": [{"name": "http", "containerPort": port}],
        "startupProbe": check | {"periodSeconds": 2, "failureThreshold": 150},
        "readinessProbe": check | {"periodSeconds": 5},
        "livenessProbe": check | {"periodSeconds": 20, "timeoutSeconds": 5, "failureThreshold": 6},
    } | _common(cluster)


def _common(cluster: Kubernetes) -> dict[str, Any]:
    secret = {"name": token_name(cluster), "key": TOKEN_KEY}
    return {
        "image": cluster.image,
        "env": [
            {"name": "HOME", "value": STATE},
            {"name": "XDG_STATE_HOME", "value": STATE},
            {"name": "RAY_AUTH_MODE", "value": "token"},
            {"name": "RAY_AUTH_TOKEN", "valueFrom": {"secretKeyRef": secret}},
        ],
        "resources": resources(CPUS, MEMORY),
        "securityContext": dict(CONTAINER_SECURITY) | {"readOnlyRootFilesystem": True},
        "volumeMounts": [
            {"name": "state", "mountPath": STATE},
            runs_mount(),
            {"name": "groups", "mountPath": GROUPS},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }


def _service(cluster: Kubernetes) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(cluster, server_name(cluster), SERVER),
        "spec": {
            "type": "ClusterIP",
            "selector": {PART_OF: cluster.name, COMPONENT: SERVER},
            "ports": [{"name": "http", "port": cluster.server.port, "targetPort": "http"}],
        },
    }
