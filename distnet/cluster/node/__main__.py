"""Run the node of a folder: `python -m distnet.cluster.node FOLDER`."""

import os
import sys
import time
from pathlib import Path

from distnet.cluster.node.ray_part import RayPart
from distnet.cluster.node.server_part import ServerPart
from distnet.cluster.node.settings import STATE, read_settings
from distnet.cluster.node.supervisor import Part, Supervisor
from distnet.launch.ray.node import NODE_MARK


def main(folder: Path) -> None:
    """Run it until SIGTERM."""
    settings = read_settings(folder)
    os.environ[NODE_MARK] = settings.mark  # as a unit of systemd it has none yet
    Path(settings.sockets).mkdir(mode=0o700, exist_ok=True)  # /tmp is empty after a reboot
    os.environ["TMPDIR"] = settings.sockets  # what killed processes leave there goes with it
    parts: list[Part] = [RayPart(settings, folder)]
    if settings.server is not None:
        parts.append(ServerPart(settings, settings.server, folder))
    _log(f"node {settings.host} of cluster {settings.cluster} starts")
    Supervisor(parts, folder / STATE, settings.version, _log).run()
    _log("the node has ended")


def _log(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
