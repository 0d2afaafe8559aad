"""Start, observe and end a node from where the user is."""

import json
from dataclasses import asdict
from typing import Any

from distnet.cluster.errors import HostError
from distnet.cluster.hosts.facts import Identity
from distnet.cluster.hosts.script import run_script
from distnet.cluster.node.server_part import server_environment
from distnet.cluster.node.settings import DATA, FILE, TOKEN, NodeSettings
from distnet.cluster.node.unit import unit_name, unit_text
from distnet.cluster.ssh.shell import Shell

START_TIMEOUT_S = 180.0
IDENTITY = "cluster.json"


class NodeControl:
    """Controls the node of a cluster on a host.

    Args:
        shell: of the host.
        python: the path of a Python there, 3.11 or newer.
        cluster: the name of the cluster.
        folder: of the cluster on that host; may begin with `~/`.
    """

    def __init__(self, shell: Shell, python: str, cluster: str, folder: str) -> None:
        self._shell, self._python, self._folder = shell, python, folder
        self._given = {"folder": folder, "unit": unit_name(cluster)}

    def start(self, settings: NodeSettings, token: str) -> bool:
        """Start the node; returns whether it was started, or is up with these settings.

        Raises:
            HostError: it does not start; nothing of it runs.
        """
        settings = settings.versioned(token)
        self._shell.put(token.encode(), f"{self._folder}/{TOKEN}", step="token")
        self._shell.put(settings.to_json(), f"{self._folder}/{FILE}", step="start")
        command = [settings.python, "-m", "distnet.cluster.node", self._folder]
        host, _, port = settings.head.rpartition(":")
        done = self._run(
            "start",
            command=command,
            unit_text=unit_text(settings.cluster, command, settings.mark, self._folder),
            sockets=settings.sockets,
            head=None if settings.role == "head" else (host, int(port)),
            ports=_ports(settings),
            timeout_s=START_TIMEOUT_S,
        )
        return bool(done["is_new"])

    def status(self) -> dict[str, Any]:
        """What runs there.

        Raises:
            HostError: it cannot be found out.
        """
        found: dict[str, Any] = self._run("status")
        return found

    def members(self) -> list[dict[str, Any]]:
        """The nodes of the cluster as Ray has them; of the head only.

        Raises:
            HostError: Ray does not list them.
        """
        given, step = self._given, "nodes"
        found: list[dict[str, Any]] = run_script(
            self._shell, self._python, "members", given, step=step
        )
        return found

    def stop(self) -> None:
        """End the node, and wait until nothing of it runs.

        Raises:
            HostError: it does not end.
        """
        self._run("stop")

    def remove(self, parents: list[str], *, keeps_data: bool) -> dict[str, Any]:
        """End the node, and remove its folders; returns `num_ended` and `kept`.

        Args:
            parents: folders to remove if they are empty then, the innermost first.
            keeps_data: whether ledger and runs stay, if there are any.

        Raises:
            HostError: that was not possible.
        """
        keep = [DATA] if keeps_data else []
        done: dict[str, Any] = self._run("remove", keep=keep, parents=parents)
        return done

    def save_identity(self, identity: Identity) -> None:
        """Note on the head which cluster it is, and its hosts.

        Raises:
            HostError: it cannot be written.
        """
        data = json.dumps(asdict(identity), indent=2).encode() + b"\n"
        self._shell.put(data, f"{self._folder}/{IDENTITY}", step="settings")

    def new_token(self, python: str, user: str) -> str:
        """Make a token of the server for a user, who becomes an administrator.

        Args:
            python: of the environment.
            user: the user's name.

        Raises:
            HostError: it cannot be made.
        """
        environment = [
            f"{name}={value}" for name, value in server_environment(self._folder).items()
        ]
        words = ["server", "token", user, "--role", "admin", "--change-role", "--json"]
        command = ["env", *environment, python, "-m", "distnet.cli", *words]
        ended = self._shell.run(command, step="token")
        self._shell.check(ended, "token")
        try:
            return str(json.loads(ended.stdout.splitlines()[-1])["secret"])
        except (IndexError, ValueError, KeyError):
            found = f"found {ended.stdout[:100]!r}, expected a token"
            remedy = "check that the host has this version of distnet"
            raise HostError(self._shell.host.name, "token", "command", found, remedy) from None

    def _run(self, action: str, **given: Any) -> Any:
        timeout_s = START_TIMEOUT_S + 60
        given = self._given | given | {"action": action}
        return run_script(
            self._shell, self._python, "control", given, step=action, timeout_s=timeout_s
        )


def _ports(settings: NodeSettings) -> list[tuple[str, str, int]]:
    """Key, address and number of the ports that a node needs."""
    if settings.role != "head":
        return []
    ports = [
        ("ports.ray", settings.address, int(settings.head.rpartition(":")[2])),
        ("ports.dashboard", "127.0.0.1", settings.dashboard_port),
    ]
    if settings.server is not None:
        ports.append(("server.port", settings.server.listen, settings.server.port))
    return ports
