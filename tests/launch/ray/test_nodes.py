"""Two nodes of a cluster on one machine: network namespaces that a pair of interfaces joins."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import distnet
from distnet.launch.ray.node import NodeOptions, RayNode
from tests.needs import NAMESPACES

pytestmark = [
    pytest.mark.ray,
    pytest.mark.check,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0 or shutil.which("ip") is None,
        reason=str(NAMESPACES),
    ),
]

ADDRESSES = ("10.213.0.1", "10.213.0.2")
ROOT = Path(__file__).parents[3]
NAMES = tuple(f"dn{os.getpid()}{letter}" for letter in "ab")
DRIVER = """
import json, sys
from distnet.run_folder.assignment import Assignment
from tests.launch.ray_work import train_on_ray
assignment = Assignment(job={}, job_folder="", dataset="", run=sys.argv[1])
print(json.dumps(train_on_ray(assignment, workers=2, address=sys.argv[2])))
"""


@pytest.fixture(scope="module")
def namespaces() -> Iterator[None]:
    """Two hosts as far as the network goes; namespaces and interfaces have the names of NAMES."""
    try:
        for name in NAMES:
            ip("netns", "add", name)
        ip("link", "add", NAMES[0], "type", "veth", "peer", "name", NAMES[1])
        for name, address in zip(NAMES, ADDRESSES, strict=True):
            ip("link", "set", name, "netns", name)
            ip("-n", name, "addr", "add", f"{address}/24", "dev", name)
            ip("-n", name, "link", "set", name, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        for name in NAMES:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@pytest.fixture(scope="module")
def cluster(namespaces: None) -> Iterator[str]:
    """The address of a Ray with a node of one CPU in each namespace."""
    folder = Path(tempfile.mkdtemp(prefix="distnet-tests-", dir="/tmp"))
    nodes: list[RayNode] = []
    try:
        for index, host in enumerate(ADDRESSES):
            head = nodes[0].address if nodes else None
            prefix = tuple(in_namespace(index, []))
            options = NodeOptions(
                host,
                folder,
                1,
                head=head,
                port=6379,
                environment={"PYTHONPATH": str(ROOT)},
                prefix=prefix,
            )
            nodes.append(RayNode(options))
            nodes[-1].start()
            nodes[-1].wait()
        yield nodes[0].address
    finally:
        for node in nodes:
            node.end()
        shutil.rmtree(folder, ignore_errors=True)


def test_train_on_ray_joins_nodes_by_the_interface_of_their_ray_address(cluster, tmp_path):
    run = tmp_path / "run"
    run.mkdir()

    driver = subprocess.run(
        in_namespace(0, [sys.executable, "-c", DRIVER, str(run), cluster]),
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert driver.returncode == 0, driver.stderr
    outcome = json.loads(driver.stdout)
    assert outcome["total"] == 1 + 2
    assert sorted(outcome["interfaces"]) == sorted(NAMES)
    assert len(set(outcome["groups"][0]["hosts"])) == 2
    assert [group["local_rank"] for group in outcome["groups"]] == [0, 0]


def test_run_on_two_nodes_has_the_bits_of_one_process(cluster: str, tmp_path: Path) -> None:
    job = ROOT / "jobs" / "digits.yaml"
    options = ["--set", "train.steps=40", "--runs", str(tmp_path), "--address", cluster, "--json"]

    ended = subprocess.run(
        in_namespace(0, [sys.executable, "-m", "distnet.cli", "run", str(job), *options]),
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    inline = distnet.run(job, inline=True, overrides=["train.steps=40"], runs=tmp_path)

    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert result["workers"] == 2
    assert result["weights_sha256"] == inline.result["weights_sha256"]
    assert result["metrics"] == inline.metrics


def environment() -> dict[str, str]:
    """That of a machine in a cluster: not that of the tests, which is bound to 127.0.0.1."""
    here = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    return {**here, "RAY_AUTH_MODE": "disabled"}


def in_namespace(index: int, command: list[str]) -> list[str]:
    return ["ip", "netns", "exec", NAMES[index], *command]


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
