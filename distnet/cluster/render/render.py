"""Render a cluster file: for Ray's launcher (AWS, GCP), or for Kubernetes."""

from pathlib import Path
from shlex import quote

from distnet.cluster.file.providers import Aws, Gcp, Kubernetes
from distnet.cluster.file.read import ClusterFile
from distnet.cluster.render.kubernetes.manifests import in_folder, manifests
from distnet.cluster.render.kubernetes.names import TOKEN_KEY, token_name
from distnet.cluster.render.launcher import launcher_config
from distnet.cluster.render.rendered import Rendered
from distnet.cluster.token_file import TOKEN_FILE

LAUNCHER_FILE = "ray.yaml"


def render(file: ClusterFile, folder: Path) -> Rendered:
    """Render a cluster file.

    Args:
        file: the file.
        folder: where token and wheel will be on this machine.

    Raises:
        ClusterFileError: there is nothing to render, or Ray refuses a key of `ray:`.
    """
    match file.cluster:
        case Aws() | Gcp() as cluster:
            return _for_launcher(file, cluster, folder)
        case Kubernetes() as cluster:
            return _for_kubernetes(file, cluster, folder)
    provider = file.cluster.provider
    raise file.fault(
        ("provider",),
        f"found {provider}, expected aws, gcp or kubernetes: there is nothing to render for "
        f"machines that exist; bring them up with: distnet cluster up {quote(str(file.path))}",
    )


def _for_launcher(file: ClusterFile, cluster: Aws | Gcp, folder: Path) -> Rendered:
    most = sum(group.nodes.max for group in cluster.groups.values())
    path = folder / LAUNCHER_FILE
    return Rendered(
        files={LAUNCHER_FILE: (launcher_config(file, cluster, folder),)},
        only_in_folder={},
        header=(
            f"For Ray's own launcher, rendered from {file.path.name} by distnet cluster render.",
            f"Up to {1 + most} machines, which are billed until you call: ray down {path}",
        ),
        note=f"ray up needs the files in {folder}; write them with: --output DIR",
        next=f"ray up {path}",
    )


def _for_kubernetes(file: ClusterFile, cluster: Kubernetes, folder: Path) -> Rendered:
    secret = f"kubectl -n {cluster.namespace} create secret generic {token_name(cluster)}"
    return Rendered(
        files=manifests(cluster),
        only_in_folder=in_folder(cluster),
        header=(
            f"Rendered from {file.path.name} by distnet cluster render, for KubeRay 1.6 or newer.",
            f"The token is in no manifest: kustomize makes the Secret of the file {TOKEN_FILE}.",
            "Without kustomize:",
            f"{secret} --from-file={TOKEN_KEY}={TOKEN_FILE}",
        ),
        note=f"the Secret {token_name(cluster)} is not in it; write all of it with: --output DIR",
        next=f"kubectl apply -k {folder}",
    )
