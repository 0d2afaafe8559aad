"""Kubernetes: kubectl applies the rendered manifests, and KubeRay makes the pods.

Objects are deleted by label, so that the namespace, and what others have in it, stays.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from distnet.cluster.file.providers import Kubernetes
from distnet.cluster.made.tool import find_tool, output_of, run_tool
from distnet.cluster.render.kubernetes.names import PART_OF, server_name, token_name
from distnet.cluster.render.kubernetes.server import ADMIN_TOKEN
from distnet.errors import DistnetError

READY_S = 900
"""Images are pulled meanwhile."""
KINDS = "deployments,services,configmaps,networkpolicies,rayclusters"
DATA_KINDS = "persistentvolumeclaims"
REMEDY = "mend what it names, and call it again"


class Kubectl:
    """kubectl on one rendered cluster, in the current context of its configuration.

    Args:
        cluster: the content of the cluster file.
        folder: where it is rendered.

    Raises:
        DistnetError: there is no kubectl.
    """

    def __init__(self, cluster: Kubernetes, folder: Path) -> None:
        self._cluster, self._folder = cluster, folder
        self._kubectl = find_tool("kubectl", "install it: https://kubernetes.io/docs/tasks/tools")

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
        return ["kubectl", "-n", self._cluster.namespace, "port-forward", service, port]

    def up(self) -> None:
        """Apply the manifests, and wait until the server is ready."""
        run_tool([self._kubectl, "apply", "-k", str(self._folder)], REMEDY)
        status = ["rollout", "status", self._deployment, f"--timeout={READY_S}s"]
        pods = f"kubectl -n {self._cluster.namespace} describe pods"
        run_tool(self._words(*status), f"look at: {pods}")

    def down(self, *, deletes_data: bool) -> None:
        """Delete the objects of the cluster; its volumes and its token only with the data."""
        label = f"--selector={PART_OF}={self._cluster.name}"
        run_tool(self._words("delete", KINDS, label), REMEDY)
        if deletes_data:
            run_tool(self._words("delete", DATA_KINDS, label), REMEDY)
            secret = f"secret/{token_name(self._cluster)}"
            run_tool(self._words("delete", secret, "--ignore-not-found"), REMEDY)

    def admin_token(self) -> str:
        """The token of the server's first admin."""
        return output_of(self._words("exec", self._deployment, "--", "cat", ADMIN_TOKEN)).strip()

    def shell(self, command: Sequence[str]) -> list[str]:
        """The command line of a shell in the pod of Ray's head, or of a command there."""
        pod = f"pod/{self._head()}"
        if not command:
            return self._words("exec", "-it", pod, "--", "bash")
        return self._words("exec", pod, "--", *command)

    @property
    def _deployment(self) -> str:
        return f"deployment/{server_name(self._cluster)}"

    @property
    def _context(self) -> str:
        return output_of([self._kubectl, "config", "current-context"]).strip()

    def _words(self, *words: str) -> list[str]:
        return [self._kubectl, "-n", self._cluster.namespace, *words]

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
