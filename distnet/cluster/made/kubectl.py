"""Kubernetes: kubectl applies the rendered manifests, and KubeRay makes the pods.

    kubectl --context=C apply -k FOLDER      kubectl --context=C -n N delete KINDS --selector=...

The context of the first `up` is kept beside the manifests, because kubectl's current one changes.
Objects are deleted by label, so that the namespace, and what others have in it, stays.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from distnet.cluster.file.providers import Kubernetes
from distnet.cluster.made.tool import find_tool, output_of, run_tool
from distnet.cluster.render.kubernetes.manifests import KUSTOMIZATION, NAMESPACE_FILE
from distnet.cluster.render.kubernetes.names import (
    PART_OF,
    READY_S,
    TOKEN_KEY,
    server_name,
    token_name,
)
from distnet.cluster.render.kubernetes.server import ADMIN_TOKEN
from distnet.cluster.token_file import TOKEN_FILE
from distnet.errors import DistnetError

CONTEXT_FILE = "context"
KINDS = "deployments,services,configmaps,networkpolicies"
RAY_KINDS = "rayclusters.ray.io"
DATA_KINDS = "persistentvolumeclaims"
NO_SUCH_KIND = "the server doesn't have a resource type"
REMEDY = "mend what it names, and call it again"


class Kubectl:
    """kubectl on one rendered cluster.

    Args:
        cluster: the content of the cluster file.
        folder: where it is rendered.

    Raises:
        DistnetError: there is no kubectl.
    """

    keeps_ledger = True
    """Whether `down` without the data leaves the ledger."""

    def __init__(self, cluster: Kubernetes, folder: Path) -> None:
        self._cluster, self._folder = cluster, folder
        self._kubectl = find_tool("kubectl", "install it: https://kubernetes.io/docs/tasks/tools")
        kept = folder / CONTEXT_FILE
        self._is_kept = kept.is_file()
        self._context = kept.read_text().strip() if self._is_kept else self._current()

    @property
    def up_question(self) -> str:
        """What the user agrees to before `up`: kubectl knows many clusters."""
        return (
            f"{self._cluster.name}: in namespace {self._cluster.namespace} of kubectl's context "
            f"{self._context}"
        )

    def down_question(self, *, deletes_data: bool) -> str:
        """What the user agrees to before `down`."""
        data = "deleted, too" if deletes_data else "kept (--delete-data)"
        return f"{self.up_question}: jobs are killed, ledger and runs are {data}"

    @property
    def tunnel(self) -> Sequence[str]:
        """The command by which this machine reaches the server."""
        service, port = f"service/{server_name(self._cluster)}", str(self._cluster.server.port)
        return self._words("port-forward", service, port)

    def require_same(self, rendered: Mapping[str, Any]) -> None:
        """Refuse to repair a cluster where it is not.

        Raises:
            DistnetError: kubectl's current context is not that of the first `up`.
        """
        del rendered
        current = self._current()
        if current != self._context:
            raise DistnetError(
                f"{self._cluster.name}: found kubectl's context {current}, expected that of the "
                f"first up, {self._context}: kubectl config use-context {self._context}; or give "
                "the other cluster another `name`"
            )

    def up(self) -> None:
        """Apply the manifests, and wait until the server is ready."""
        self._take_over_token()
        if self._is_there(f"namespace/{self._cluster.namespace}"):
            self._leave_out_namespace()
        (self._folder / CONTEXT_FILE).write_text(f"{self._context}\n")
        run_tool(self._words("apply", "-k", str(self._folder)), REMEDY)
        status = ["rollout", "status", self._deployment, f"--timeout={READY_S}s"]
        pods = f"kubectl -n {self._cluster.namespace} describe pods"
        run_tool(self._words(*status), f"look at: {pods}")

    def down(self, *, deletes_data: bool) -> None:
        """Delete the objects of the cluster; its volumes and its token only with the data."""
        label = f"--selector=app.kubernetes.io/name=distnet,{PART_OF}={self._cluster.name}"
        self._delete_pods_of_ray(label)
        run_tool(self._words("delete", KINDS, label), REMEDY)
        if deletes_data:
            run_tool(self._words("delete", DATA_KINDS, label), REMEDY)
            secret = f"secret/{token_name(self._cluster)}"
            run_tool(self._words("delete", secret, "--ignore-not-found"), REMEDY)
            (self._folder / CONTEXT_FILE).unlink(missing_ok=True)

    def admin_token(self) -> str:
        """The token of the server's first admin."""
        return output_of(self._words("exec", self._deployment, "--", "cat", ADMIN_TOKEN)).strip()

    def shell(self, command: Sequence[str]) -> list[str]:
        """The command line of a shell in the pod of Ray's head, or of a command there."""
        pod = f"pod/{self._head()}"
        if not command:
            return self._words("exec", "-it", pod, "--", "bash")
        return self._words("exec", "-i", pod, "--", *command)

    @property
    def _deployment(self) -> str:
        return f"deployment/{server_name(self._cluster)}"

    def _current(self) -> str:
        return output_of([self._kubectl, "config", "current-context"]).strip()

    def _words(self, *words: str) -> list[str]:
        own = [f"--context={self._context}", f"--namespace={self._cluster.namespace}"]
        return [self._kubectl, *own, *words]

    def _is_there(self, name: str) -> bool:
        return bool(output_of(self._words("get", name, "--ignore-not-found", "-o=name")).strip())

    def _take_over_token(self) -> None:
        """Nodes that run have the token of the first `up`, which another machine may have made."""
        path = f"-o=jsonpath={{.data.{TOKEN_KEY}}}"
        secret = f"secret/{token_name(self._cluster)}"
        found = output_of(self._words("get", secret, "--ignore-not-found", path)).strip()
        if found:
            (self._folder / TOKEN_FILE).write_bytes(base64.b64decode(found))  # 0600 already

    def _leave_out_namespace(self) -> None:
        """One that is there is not ours to change: its rules are those of others, too."""
        path = self._folder / KUSTOMIZATION
        content = yaml.safe_load(path.read_text())
        content["resources"] = [name for name in content["resources"] if name != NAMESPACE_FILE]
        path.write_text(yaml.safe_dump(content, sort_keys=False))

    def _delete_pods_of_ray(self, label: str) -> None:
        """Delete the RayCluster; without KubeRay there is none."""
        try:
            output_of(self._words("delete", RAY_KINDS, label))
        except DistnetError as error:
            if NO_SUCH_KIND not in str(error):
                raise

    def _head(self) -> str:
        """The pod of Ray's head, by the labels that KubeRay gives it."""
        labels = f"ray.io/cluster={self._cluster.name},ray.io/node-type=head"
        pods = json.loads(output_of(self._words("get", "pods", f"-l={labels}", "-o=json")))
        names = [str(pod["metadata"]["name"]) for pod in pods["items"]]
        if not names:
            raise DistnetError(
                f"found no pod of Ray's head in namespace {self._cluster.namespace}; "
                "bring the cluster up first"
            )
        return names[0]
