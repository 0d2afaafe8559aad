"""What every tool of a provider is used for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from distnet.cluster.file.providers import Aws, Gcp, Kubernetes
from distnet.cluster.file.read import ClusterFile
from distnet.cluster.made.kubectl import Kubectl
from distnet.cluster.made.ray_up import RayUp

Made = Aws | Gcp | Kubernetes
FOLDER = Path("~/.distnet/clusters")


class Maker(Protocol):
    """Makes the nodes of a cluster, and ends them."""

    keeps_ledger: bool
    """Whether `down` without the data leaves the ledger."""

    @property
    def up_question(self) -> str:
        """What the user agrees to before `up`."""
        ...

    def down_question(self, *, deletes_data: bool) -> str:
        """What the user agrees to before `down`."""
        ...

    @property
    def tunnel(self) -> Sequence[str]:
        """The command by which this machine reaches the server, at 127.0.0.1."""
        ...

    def require_same(self, rendered: Mapping[str, Any]) -> None:
        """Refuse what would leave a cluster that is there to itself, or end it.

        Args:
            rendered: the first document that the tool is to read.
        """
        ...

    def up(self) -> None:
        """Make the nodes, and start Ray and the server; again: repair and update it."""
        ...

    def down(self, *, deletes_data: bool) -> None:
        """End the nodes."""
        ...

    def admin_token(self) -> str:
        """The token of the server's first admin."""
        ...

    def shell(self, command: Sequence[str]) -> list[str]:
        """The command line of a shell on the head, or of a command there."""
        ...


def maker_of(file: ClusterFile, cluster: Made, folder: Path) -> Maker:
    """The maker of a cluster.

    Args:
        file: the cluster file.
        cluster: what it holds.
        folder: where the cluster is rendered.

    Raises:
        DistnetError: its tool is not installed.
    """
    if isinstance(cluster, Kubernetes):
        return Kubectl(cluster, folder)
    return RayUp(file, cluster, folder)


def folder_of(name: str) -> Path:
    """Where a cluster is rendered by default: its token must outlive this command."""
    return (FOLDER / name).expanduser().absolute()
