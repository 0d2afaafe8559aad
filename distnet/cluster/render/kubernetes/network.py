"""Who may open connections to the pods: the pods themselves, and few others."""

from typing import Any

from distnet.cluster.file.providers import Kubernetes
from distnet.cluster.render.kubernetes.names import (
    COMPONENT,
    HEAD,
    PART_OF,
    SERVER,
    metadata,
    server_name,
)

OPERATOR = {"app.kubernetes.io/name": "kuberay-operator"}
DASHBOARD = 8265


def network_policies(cluster: Kubernetes) -> list[dict[str, Any]]:
    """Close all pods of the cluster but to each other, and open the two ports that others need."""
    pods = {PART_OF: cluster.name}
    operator = {"namespaceSelector": {}, "podSelector": {"matchLabels": OPERATOR}}
    same_namespace: dict[str, Any] = {"podSelector": {}}
    return [
        _policy(cluster, cluster.name, pods, {"from": [{"podSelector": {"matchLabels": pods}}]}),
        _policy(
            cluster,
            f"{cluster.name}-operator",
            pods | {COMPONENT: HEAD},
            {"from": [operator], "ports": [_tcp(DASHBOARD)]},
        ),
        _policy(
            cluster,
            server_name(cluster),
            pods | {COMPONENT: SERVER},
            {"from": [same_namespace], "ports": [_tcp(cluster.server.port)]},
        ),
    ]


def _policy(
    cluster: Kubernetes, name: str, pods: dict[str, str], rule: dict[str, Any]
) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(cluster, name),
        "spec": {
            "podSelector": {"matchLabels": pods},
            "policyTypes": ["Ingress"],
            "ingress": [rule],
        },
    }


def _tcp(port: int) -> dict[str, Any]:
    return {"protocol": "TCP", "port": port}
