"""A Ray node is started, joined, reached with its token, and ended without a trace."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from distnet.errors import NotEnoughResourcesError
from distnet.launch.ports import free_port
from distnet.launch.processes import is_alive, title_of
from distnet.launch.ray.node import NodeOptions, RayNode, new_token

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(sys.platform != "linux", reason="nodes on other loopback addresses"),
]
HEAD, SECOND = "127.0.2.1", "127.0.2.2"
LOOK = """
import ray, sys
ray.init(sys.argv[1], log_to_driver=False)
cpus = {n["NodeManagerAddress"]: n["Resources"]["CPU"] for n in ray.nodes() if n["Alive"]}
print("NODES", sorted(cpus.items()))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="distnet-tests-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def look(node: RayNode, **environment: str) -> str:
    """What a client finds; what it prints on stderr if it is refused."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    ended = subprocess.run(
        [sys.executable, "-c", LOOK, node.address],
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    found = [line for line in ended.stdout.splitlines() if line.startswith("NODES")]
    return found[0] if found else ended.stderr


@pytest.mark.check
def test_nodes_join_keep_strangers_out_and_leave_no_process(folder):
    token = new_token()
    options = NodeOptions(HEAD, folder, 1, token=token)
    head = RayNode(options)
    second = RayNode(replace(options, host=SECOND, num_cpus=2, head=head.address))
    try:
        head.start()
        head.wait()
        second.start()
        second.wait()

        assert (
            look(head, **head.options.credentials) == f"NODES [('{HEAD}', 1.0), ('{SECOND}', 2.0)]"
        )
        stranger = look(head, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=new_token())
        assert "NODES" not in stranger
        assert "uthentication" in stranger

        (raylet,) = (p for p in second.processes() if "raylet/raylet" in title_of(p))
        orphans = raylet.children(recursive=True)
        raylet.kill()
        others = head.processes()
        second.end()
        assert not any(map(is_alive, orphans))
        assert all(is_alive(process) for process in others if "raylet" in title_of(process))
        processes = head.processes()
    finally:
        second.end()
        head.end()

    assert processes
    assert not any(map(is_alive, processes))


def test_a_node_that_cannot_start_says_what_ray_says(folder):
    nowhere = f"{HEAD}:{free_port(HEAD)}"
    node = RayNode(NodeOptions(SECOND, folder, 1, head=nowhere))
    try:
        node.start()
        with pytest.raises(NotEnoughResourcesError, match=f"node at {SECOND} did not start within"):
            node.wait(timeout_s=3)
    finally:
        node.end()
    assert not node.processes()
