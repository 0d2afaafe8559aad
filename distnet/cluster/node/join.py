"""A machine that joins a cluster by hand: a supervised Ray node until Ctrl-C."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distnet.cluster.node.ray_part import RayPart
from distnet.cluster.node.settings import STATE, TOKEN, NodeSettings
from distnet.cluster.node.supervisor import Supervisor
from distnet.errors import DistnetError

REFUSED = "InvalidAuthToken"
"""In what Ray prints of a wrong token."""


@dataclass(frozen=True)
class Joined:
    """What a machine offers to a cluster."""

    head: str
    """`host:port` of Ray on the head."""
    address: str
    """Of this machine."""
    num_cpus: int
    num_gpus: int
    token: str


class JoiningRay(RayPart):
    """Gives up when the head refuses the token, which does not change by itself."""

    def end_message(self) -> str:
        """Why it has ended.

        Raises:
            DistnetError: the head refuses the token.
        """
        message = super().end_message()
        if REFUSED in message:
            raise DistnetError(
                "the head refuses this token, expected that of its cluster: copy the file `token` "
                "of the cluster's folder from the head, and name it with --token"
            )
        return message


def join_until_signal(joined: Joined, folder: Path, log: Callable[[str], None]) -> None:
    """Run the node, and end it on Ctrl-C or SIGTERM.

    Args:
        joined: what the machine offers.
        folder: for the node's files; with a short path, private, and empty.
        log: shows a line.

    Raises:
        DistnetError: the head refuses the token.
    """
    settings = NodeSettings(
        cluster="",
        host=joined.address,
        role="worker",
        mark=folder.name,
        address=joined.address,
        head=joined.head,
        dashboard_port=0,
        num_cpus=joined.num_cpus,
        num_gpus=joined.num_gpus,
        labels={},
        resources={},
        arguments={"temp-dir": str(folder / "ray")},  # else it has the path of the head's
        sockets=str(folder),
        server=None,
        python="",
    )
    (folder / TOKEN).write_text(joined.token)
    log(f"joining the cluster at {joined.head} as {joined.address}; Ctrl-C leaves it")
    Supervisor([JoiningRay(settings, folder)], folder / STATE, "", log).run()


def own_address(host: str) -> str:
    """This machine's address on the way to another; nothing is sent.

    Raises:
        DistnetError: there is no way.
    """
    try:
        family, kind, _, _, where = socket.getaddrinfo(host.strip("[]"), 9, type=socket.SOCK_DGRAM)[
            0
        ]
        with socket.socket(family, kind) as probe:
            probe.connect(where)
            return str(probe.getsockname()[0])
    except OSError as error:
        raise DistnetError(f"{host}: {error.strerror or error}; give --address") from None
