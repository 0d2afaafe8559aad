"""All manifests of a cluster, one file a subject, and the kustomization that applies them."""

from typing import Any

from distnet.cluster.file.providers import Kubernetes
from distnet.cluster.render.kubernetes.job import ray_job
from distnet.cluster.render.kubernetes.names import TOKEN_KEY, metadata, runs_name, token_name
from distnet.cluster.render.kubernetes.network import network_policies
from distnet.cluster.render.kubernetes.pods import quantity
from distnet.cluster.render.kubernetes.ray_cluster import ray_cluster
from distnet.cluster.render.kubernetes.server import server
from distnet.cluster.token_file import TOKEN_FILE

Files = dict[str, tuple[dict[str, Any], ...]]
POD_SECURITY_LEVEL = "pod-security.kubernetes.io/enforce"
KUSTOMIZATION = "kustomization.yaml"
NAMESPACE_FILE = "namespace.yaml"
JOB_FILE = "ray-job.yaml"
"""Not part of the kustomization: it starts a training when it is applied."""


def manifests(cluster: Kubernetes) -> Files:
    """The objects of a cluster with a server, in the order in which they can be applied."""
    return {
        NAMESPACE_FILE: (_namespace(cluster),),
        "network.yaml": tuple(network_policies(cluster)),
        "storage.yaml": (_runs(cluster),),
        "ray-cluster.yaml": (ray_cluster(cluster),),
        "server.yaml": tuple(server(cluster)),
    }


def in_folder(cluster: Kubernetes) -> Files:
    """The kustomization of the manifests, which makes the Secret of a file, and the RayJob.

    No manifest holds the token.
    """
    generator = {"name": token_name(cluster), "files": [f"{TOKEN_KEY}={TOKEN_FILE}"]}
    kustomize = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": cluster.namespace,
        "resources": list(manifests(cluster)),
        "secretGenerator": [generator],
        # KubeRay finds the Secret by the name that the RayCluster has for it.
        "generatorOptions": {"disableNameSuffixHash": True},
    }
    return {KUSTOMIZATION: (kustomize,), JOB_FILE: tuple(ray_job(cluster))}


def _namespace(cluster: Kubernetes) -> dict[str, Any]:
    own = metadata(cluster, cluster.namespace)
    labels = own["labels"] | {POD_SECURITY_LEVEL: "restricted"}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": cluster.namespace, "labels": labels},
    }


def _runs(cluster: Kubernetes) -> dict[str, Any]:
    storage = cluster.storage
    own = {"storageClassName": storage.storage_class} if storage.storage_class else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(cluster, runs_name(cluster)),
        "spec": own
        | {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": quantity(storage.size)}},
        },
    }
