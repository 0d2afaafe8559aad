"""AWS and Google Cloud: Ray's own launcher makes the machines.

    ray up -y [--no-restart] ray.yaml     ray exec ray.yaml COMMAND     ray down -y ray.yaml

Source: docs.ray.io, Cluster Launcher Commands.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from shlex import join, quote
from typing import Any

import yaml

from distnet.cluster.file.providers import Aws, Gcp
from distnet.cluster.file.read import ClusterFile
from distnet.cluster.made.ray_head import Head, head_of
from distnet.cluster.made.tool import find_tool, output_of, run_tool
from distnet.cluster.render import aws, gcp
from distnet.cluster.render.commands import FOLDER, PROFILE, server_commands
from distnet.cluster.render.render import LAUNCHER_FILE
from distnet.errors import DistnetError

TOKEN = re.compile(r"\bdn_[A-Za-z0-9_-]+")
"""What Ray prints around the output of a command differs from version to version."""
RUNS, DOES_NOT_RUN = "distnet-ray-is-up", "distnet-ray-is-down"
PROBE = f"{PROFILE}; ray status > /dev/null 2>&1 && is=up || is=down; echo distnet-ray-is-$is"
"""Ray prints the command, too, so that the words must not be in it."""
STYLE = "--log-style=pretty"
READY_S = 60
HEALTH = (
    "import time, urllib.request as r\n"
    "end = time.monotonic() + {seconds}\n"
    "while True:\n"
    "    try: r.urlopen('http://127.0.0.1:{port}/healthz', timeout=5); break\n"
    "    except OSError:\n"
    "        if time.monotonic() > end: raise\n"
    "        time.sleep(1)\n"
)


class RayUp:
    """Ray's launcher on one rendered cluster.

    Args:
        file: the cluster file.
        cluster: what it holds.
        folder: where it is rendered.

    Raises:
        DistnetError: this Python lacks `ray`, or the client of the cloud.
    """

    keeps_ledger = False
    """Whether `down` without the data leaves the ledger."""

    def __init__(self, file: ClusterFile, cluster: Aws | Gcp, folder: Path) -> None:
        self._cluster, self._config = cluster, folder / LAUNCHER_FILE
        self._down = f"distnet cluster down {quote(str(file.path))}"
        self._ray = find_tool("ray", "it comes with distnet: install distnet again")
        module, packages = (aws if isinstance(cluster, Aws) else gcp).CLIENT
        if find_spec(module.partition(".")[0]) is None:
            raise DistnetError(
                f"found no Python package {module}, expected it for {self._where}; install it: "
                f"pip install {packages}"
            )

    @property
    def up_question(self) -> str:
        """What the user agrees to before `up`."""
        most = 1 + sum(group.nodes.max for group in self._cluster.groups.values())
        return (
            f"{self._cluster.name}: up to {most} machines in {self._where}, billed from now until "
            f"you call: {self._down}"
        )

    def down_question(self, *, deletes_data: bool) -> str:
        """What the user agrees to before `down`: disks end with their machines."""
        del deletes_data
        kept = self._cluster.storage
        what = f"; what is in {kept} stays" if kept else ""
        return (
            f"{self._cluster.name}: all machines of {self._config} are ended, and the disk of the "
            f"head with ledger, run folders and datasets is deleted{what}"
        )

    @property
    def tunnel(self) -> Sequence[str]:
        """The command by which this machine reaches the server."""
        port = str(self._cluster.server.port)
        return [self._ray, "attach", str(self._config), "--port-forward", port]

    def require_same(self, rendered: Mapping[str, Any]) -> None:
        """Refuse to leave what was made before to itself, or to end it.

        Args:
            rendered: what Ray's launcher is to read.

        Raises:
            DistnetError: the cluster was made elsewhere, or its head from other settings.
        """
        before = self._before
        if before is not None and before["provider"] != rendered["provider"]:
            raise DistnetError(
                f"{self._config}: found a cluster with provider {before['provider']}, expected "
                f"{rendered['provider']}; undo the edit and call down first: {self._down}"
            )
        self._head = head_of(rendered)
        if self._head is Head.OTHER:
            raise DistnetError(
                f"{self._cluster.name}: the head that runs was made with other settings or another "
                "ssh key, and `ray up` would end it, with ledger and run folders; undo the edit of "
                "`head`, use the machine that made it, or call down first"
            )
        if self._head is Head.SAME and before is not None:
            self._require_same_ray(before, rendered)

    def up(self) -> None:
        """Make the head; Ray's autoscaler makes the rest.

        A Ray that runs goes on running. Its server is started again, with what was installed.
        """
        runs = self._head is Head.SAME and self._runs()
        words = [self._ray, "up", "-y", STYLE, "--disable-usage-stats"]
        remedy = f"machines that were made are billed until you call: {self._down}"
        run_tool([*words, *(["--no-restart"] if runs else []), str(self._config)], remedy)
        for command in server_commands(self._cluster) if runs else ():
            run_tool(self._exec(command), remedy)
        health = HEALTH.format(seconds=READY_S, port=self._cluster.server.port)
        log = join(self._exec(f"tail -n 50 {FOLDER}/server.log"))
        run_tool(
            self._exec(f"{PROFILE}; python3 -c {quote(health)}"),
            f"the server does not respond; look at: {log}",
        )

    def down(self, *, deletes_data: bool) -> None:
        """End all machines."""
        del deletes_data
        run_tool(
            [self._ray, "down", "-y", STYLE, str(self._config)],
            f"look at the console of {self._where}: machines that are left are billed",
        )
        self._config.unlink()

    def admin_token(self) -> str:
        """The token of the server's first admin.

        Raises:
            DistnetError: the head has none.
        """
        printed = output_of(self._exec(f"cat {FOLDER}/admin-token"))
        found = TOKEN.search(printed)
        if found is None:
            raise DistnetError(f"found no token in {FOLDER}/admin-token on the head")
        return found[0]

    def shell(self, command: Sequence[str]) -> list[str]:
        """The command line of a shell on the head, or of a command there."""
        if not command:
            return [self._ray, "attach", str(self._config)]
        return self._exec(f"{PROFILE}; {join(command)}")

    @cached_property
    def _before(self) -> dict[str, Any] | None:
        """What was rendered for the cluster that was made; None if none was made from here."""
        try:
            found: dict[str, Any] = yaml.safe_load(self._config.read_text())
        except FileNotFoundError:
            return None
        return found

    @property
    def _where(self) -> str:
        if isinstance(self._cluster, Aws):
            return f"AWS, region {self._cluster.region}"
        return f"Google Cloud, project {self._cluster.project}, zone {self._cluster.zone}"

    def _exec(self, command: str) -> list[str]:
        return [self._ray, "exec", STYLE, str(self._config), command]

    def _runs(self) -> bool:
        """Whether the head has a Ray, which `ray up` would restart, jobs and all.

        Raises:
            DistnetError: it cannot be reached, so that nothing is known.
        """
        try:
            printed = output_of(self._exec(PROBE))
        except DistnetError as error:
            remedy = f"where it cannot be repaired: {self._down}"
            raise DistnetError(
                f"the head is there and cannot be reached: {error}\n{remedy}"
            ) from None
        if RUNS in printed or DOES_NOT_RUN in printed:
            return RUNS in printed
        raise DistnetError(f"{self._cluster.name}: found no reply of the head in: {printed}")

    def _require_same_ray(self, before: Mapping[str, Any], rendered: Mapping[str, Any]) -> None:
        """A Ray that runs keeps its ports, and the server looks for it at those of the file."""
        old, new = (
            [line for line in config["head_start_ray_commands"] if "ray start" in line]
            for config in (before, rendered)
        )
        if old != new and self._runs():
            raise DistnetError(
                f"{self._cluster.name}: Ray runs with other ports or options than the file has; "
                "undo the edit, or call down first"
            )
