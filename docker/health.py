"""Whether this container does what it was started for; the exit code is 0 if it does.

A container with a distnet server is healthy when the server responds, one with a Ray node when its
raylet and the head respond. A container with neither is healthy as long as it runs.
"""

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import pairwise

import psutil

SERVER_PORT = "8270"
AGENT_PORT = "52365"
"""Of Ray's dashboard agent, unless `ray start --dashboard-agent-listen-port` says otherwise."""
TIMEOUT_S = 5.0


def urls() -> list[str]:
    """The addresses that must respond, by the processes of this container."""
    found = (_url(words) for words in _command_lines())
    return sorted({url for url in found if url is not None})


def _command_lines() -> Iterator[list[str]]:
    for process in psutil.process_iter():
        try:
            yield process.cmdline()
        except psutil.Error:
            continue


def _url(words: list[str]) -> str | None:
    if words and words[0].endswith("/raylet"):
        return f"http://127.0.0.1:{AGENT_PORT}/api/local_raylet_healthz"
    if ("server", "start") in pairwise(words):
        return f"http://127.0.0.1:{_port(words)}/healthz"
    return None


def _port(words: list[str]) -> str:
    """The port of `--listen HOST:PORT` or `--listen=HOST:PORT`."""
    options = (f"{a}={b}" if a == "--listen" else b for a, b in pairwise(words))
    listen = next((option for option in options if option.startswith("--listen=")), "")
    return listen.rpartition(":")[2] or SERVER_PORT


def main() -> int:
    """Request each address once; returns the exit code."""
    for url in urls():
        try:
            urllib.request.urlopen(url, timeout=TIMEOUT_S).close()
        except (urllib.error.URLError, OSError) as error:
            print(f"{url}: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
