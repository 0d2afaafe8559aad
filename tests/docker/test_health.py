"""The health check of the image, in a process namespace of its own, as in a container."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from distnet.launch.ports import free_port

HEALTH = Path(__file__).parents[2] / "docker" / "health.py"
UNSHARE = shutil.which("unshare")
SCRIPT = """
health() {{ {python} {health}; echo "health $?"; }}
exec 3<>{folder}/nothing  # nothing is ever written: `read` waits
health
{python} -m distnet.cli server token ada > /dev/null
{python} -m distnet.cli server start --listen {listen} --runs {folder}/runs \
    --ray http://127.0.0.1:9 > {folder}/log 2>&1 &
until grep -q "{listen}" {folder}/log; do read -t 0.1 -u 3; done
health
kill -STOP $!
health
kill -KILL $!
"""

pytestmark = [
    pytest.mark.check,
    pytest.mark.skipif(os.geteuid() != 0 or not UNSHARE, reason="only root makes namespaces"),
]


def test_a_server_that_stops_responding_makes_its_container_unhealthy(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "nothing")
    listen = f"127.0.0.1:{free_port('127.0.0.1')}"
    script = SCRIPT.format(python=sys.executable, health=HEALTH, folder=tmp_path, listen=listen)

    ended = subprocess.run(
        [UNSHARE or "", "--pid", "--fork", "--mount-proc", "--kill-child", "bash", "-c", script],
        env=os.environ
        | {
            "DISTNET_CONFIG": str(tmp_path / "config"),
            "DISTNET_LEDGER": f"sqlite:///{tmp_path}/ledger.db",
            "PYTHONUNBUFFERED": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.stdout.splitlines() == [
        "health 0",
        "health 0",
        f"http://{listen}/healthz: timed out",
        "health 1",
    ], ended.stderr
