"""A RayJob, for those who want no server: a cluster of its own that ends with the training."""

from typing import Any

from distnet.cluster.file.providers import Kubernetes
from distnet.cluster.render.kubernetes.names import JOB, RUNS, metadata
from distnet.cluster.render.kubernetes.pods import CONTAINER_SECURITY, resources, template
from distnet.cluster.render.kubernetes.ray_cluster import API, spec
from distnet.cluster.render.merge import merged

JOBS = "/etc/distnet/jobs"
FILE = "job.yaml"
SECONDS_KEPT = 3600
"""The RayJob stays this long after its end, for its log."""
EXAMPLE = """\
name: digits
network: {kind: mlp, hidden: [16, 16]}
train: {epochs: 12}
resources: {workers: 2}
"""


def ray_job(cluster: Kubernetes) -> list[dict[str, Any]]:
    """A ConfigMap with the job file, and the RayJob that trains it."""
    name = f"{cluster.name}-job"
    jobs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(cluster, name, JOB),
        "data": {FILE: EXAMPLE},
    }
    job = {
        "apiVersion": API,
        "kind": "RayJob",
        "metadata": metadata(cluster, name, JOB),
        "spec": {
            "entrypoint": f"distnet run {JOBS}/{FILE} --runs {RUNS}",
            "backoffLimit": 0,
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": SECONDS_KEPT,
            "submitterPodTemplate": _submitter(cluster),
            "rayClusterSpec": merged(_with_job_file(spec(cluster), name), cluster.ray),
        },
    }
    return [jobs, job]


def _submitter(cluster: Kubernetes) -> dict[str, Any]:
    container = {
        "name": "ray-job-submitter",
        "image": cluster.image,
        "resources": resources("200m", "512Mi"),
        "securityContext": dict(CONTAINER_SECURITY),
    }
    pod = {"restartPolicy": "Never", "containers": [container]}
    return template(cluster, JOB, pod)


def _with_job_file(cluster_spec: dict[str, Any], name: str) -> dict[str, Any]:
    """Mount the job file into the head's pod, where `distnet run` starts."""
    pod = cluster_spec["headGroupSpec"]["template"]["spec"]
    pod["containers"][0]["volumeMounts"].append({"name": "jobs", "mountPath": JOBS})
    pod["volumes"].append({"name": "jobs", "configMap": {"name": name}})
    return cluster_spec
