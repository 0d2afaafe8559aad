"""AWS and Google Cloud: Ray's own launcher makes the machines.

    ray up -y [--no-restart] ray.yaml     ray exec ray.yaml COMMAND     ray down -y ray.yaml

Source: docs.ray.io, Cluster Launcher Commands.
"""

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from shlex import join, quote

from distnet.cluster.file.providers import Aws, Gcp
from distnet.cluster.file.read import ClusterFile
from distnet.cluster.made.tool import find_tool, output_of, run_tool
from distnet.cluster.render import aws, gcp
from distnet.cluster.render.commands import FOLDER, PROFILE, server_commands
from distnet.cluster.render.render import LAUNCHER_FILE
from distnet.errors import DistnetError

TOKEN = re.compile(r"\bdn_[A-Za-z0-9_-]+")
"""What Ray prints around the output of a command differs from version to version."""
CLOUDS = {"aws": "AWS", "gcp": "Google Cloud"}


class RayUp:
    """Ray's launcher on one rendered cluster.

    Args:
        file: the cluster file.
        cluster: what it holds.
        folder: where it is rendered.

    Raises:
        DistnetError: this Python lacks `ray`, or the client of the cloud.
    """

    def __init__(self, file: ClusterFile, cluster: Aws | Gcp, folder: Path) -> None:
        self._cluster, self._config = cluster, folder / LAUNCHER_FILE
        self._down = f"distnet cluster down {quote(str(file.path))}"
        self._ray = find_tool("ray", "it comes with distnet: install distnet again")
        module, packages = (aws if isinstance(cluster, Aws) else gcp).CLIENT
        if find_spec(module.partition(".")[0]) is None:
            raise DistnetError(
                f"found no Python package {module}, expected it for {self._cloud}; install it: "
                f"pip install {packages}"
            )

    @property
    def up_question(self) -> str:
        """What the user agrees to before `up`."""
        most = 1 + sum(group.nodes.max for group in self._cluster.groups.values())
        return (
            f"{self._cluster.name}: up to {most} machines of {self._cloud}, billed from now until "
            f"you call: {self._down}"
        )

    def down_question(self, *, deletes_data: bool) -> str:
        """What the user agrees to before `down`."""
        del deletes_data  # disks end with their machines
        kept = self._cluster.storage
        what = f"stay in {kept}" if kept else "are deleted, too"
        return (
            f"{self._cluster.name}: all machines are ended; the ledger of the server is deleted, "
            f"and checkpoints {what}"
        )

    @property
    def tunnel(self) -> Sequence[str]:
        """The command by which this machine reaches the server."""
        port = str(self._cluster.server.port)
        return ["ray", "attach", str(self._config), "--port-forward", port]

    def up(self) -> None:
        """Make the head; Ray's autoscaler makes the rest.

        A Ray that runs goes on running. Its server is started again, with what was installed.
        """
        runs = self._runs()
        words = [self._ray, "up", "-y", *(["--no-restart"] if runs else []), str(self._config)]
        remedy = f"machines that were made are billed until you call: {self._down}"
        run_tool(words, remedy)
        for command in server_commands(self._cluster) if runs else ():
            run_tool(self._exec(command), remedy)

    def down(self, *, deletes_data: bool) -> None:
        """End all machines."""
        del deletes_data
        run_tool(
            [self._ray, "down", "-y", str(self._config)],
            f"look at the console of {self._cloud}: machines that are left are billed",
        )

    def admin_token(self) -> str:
        """The token of the server's first admin.

        Raises:
            DistnetError: the head has none.
        """
        printed = output_of(self._exec(f"cat {FOLDER}/admin-token"))
        found = TOKEN.search(printed)
        if found is None:
            raise DistnetError(
                f"found no token in {FOLDER}/admin-token on the head; look at: "
                f"ray exec {self._config} 'tail {FOLDER}/server.log'"
            )
        return found[0]

    def shell(self, command: Sequence[str]) -> list[str]:
        """The command line of a shell on the head, or of a command there."""
        if not command:
            return [self._ray, "attach", str(self._config)]
        return self._exec(f"{PROFILE}; {join(command)}")

    @property
    def _cloud(self) -> str:
        return CLOUDS[self._cluster.provider]

    def _exec(self, command: str) -> list[str]:
        return [self._ray, "exec", str(self._config), command]

    def _runs(self) -> bool:
        """Whether the head is there and has a Ray, which `ray up` would restart, jobs and all."""
        try:
            output_of(self._exec(f"{PROFILE}; ray status"))
        except DistnetError:
            return False
        return True
