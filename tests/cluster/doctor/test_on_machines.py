"""The doctor on three machines over ssh: links that are broken, a Ray that exchanges rows."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.machines import (
    GPU1,
    GPU2,
    HEAD,
    LAPTOP,
    Machine,
    Machines,
    is_possible,
    machines,
)
from tests.cluster.sshd import PROGRAM
from tests.needs import NAMESPACES, SSHD

pytestmark = [
    pytest.mark.ray,
    pytest.mark.check,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not is_possible(), reason=str(NAMESPACES)),
    pytest.mark.skipif(PROGRAM is None, reason=str(SSHD)),
    pytest.mark.skipif(shutil.which("iptables") is None, reason="needs iptables"),
]
NEW_CONNECTIONS = ("-p", "tcp", "--syn", "-s", GPU1.address)
LARGE_PACKETS = ("-s", HEAD.address, "-m", "length", "--length", "1200:65535")


@pytest.fixture(scope="module")
def three() -> Iterator[Machines]:
    with machines((HEAD, GPU1, GPU2)) as started:
        yield started


def file(three: Machines) -> str:
    path = three.folder / "lab.yaml"
    path.write_text(
        "name: lab\nprovider: ssh\nhead: head\ninstall: none\nhosts:\n"
        "  - {host: head, cpus: 1, gpus: 0}\n"
        f"  - {{host: {GPU1.address}, name: gpu1, user: anna, cpus: 1}}\n"
        f"  - {{host: {GPU2.address}, name: gpu2, port: 2222, cpus: 1}}\n"
        f"storage: {three.storage}\n"
    )
    three.storage.chmod(0o777)
    return str(path)


def examined(three: Machines) -> tuple[int, dict[tuple[str, str], dict[str, str]]]:
    """The exit code of the doctor, and its findings by node and check."""
    ended = three.distnet("doctor", "--cluster", file(three), "--json")
    assert ended.stdout, ended.stderr
    findings = json.loads(ended.stdout)["findings"]
    return ended.returncode, {(each["node"], each["id"]): each for each in findings}


def by_ray_alone(three: Machines) -> list[str]:
    """The command line of the doctor on the head, which knows the address of Ray only."""
    token = "RAY_AUTH_TOKEN_PATH=/home/root/.distnet/cluster/lab/token"
    words = ["doctor", "--address", f"{HEAD.address}:6379", "--runs", str(three.storage), "--json"]
    return ["env", "RAY_AUTH_MODE=token", token, sys.executable, "-m", "distnet.cli", *words]


@contextmanager
def dropped(three: Machines, machine: Machine, *packets: str) -> Iterator[None]:
    """Have a machine drop some of the packets that arrive."""
    for action in ("-A", "-D"):
        done = three.run("iptables", action, "INPUT", *packets, "-j", "DROP", machine=machine)
        assert done.returncode == 0, done.stderr
        if action == "-A":
            yield


def test_links_and_storage_are_examined_before_there_is_a_cluster(three: Machines):
    code, found = examined(three)

    assert code == 0, [each for each in found.values() if each["level"] == "fault"]
    assert found["cluster", "links"]["found"].startswith("all 3 nodes reach one another")
    assert found["cluster", "packet-size"]["level"] == "ok"
    assert found["cluster", "clock-skew"]["found"].startswith("clocks agree within")
    assert "seen on 3 nodes" in found["cluster", "storage"]["found"]
    assert "no Ray runs" in found["cluster", "exchange"]["found"]
    assert list(three.storage.iterdir()) == []

    three.run("mount", "-t", "tmpfs", "none", str(three.storage), machine=GPU1)
    with dropped(three, GPU2, *NEW_CONNECTIONS), dropped(three, GPU2, *LARGE_PACKETS):
        code, found = examined(three)
    three.run("umount", str(three.storage), machine=GPU1)
    assert code == 1
    assert found["gpu1", "links"]["found"] == (
        f"gpu1 does not reach gpu2 at {GPU2.address}: nothing comes back; gpu2 does reach gpu1"
    )
    assert found["head", "packet-size"]["found"].startswith(
        "large messages from head to gpu2 are lost, small ones arrive (packets of up to 1500"
    )
    assert "does not have what head, gpu2 wrote" in found["gpu1", "storage"]["found"]
    assert "it would hang with these links" in found["cluster", "exchange"]["found"]


def test_nodes_exchange_rows_through_their_ray(three: Machines):
    try:
        up = three.distnet("cluster", "up", file(three), "--json")
        assert up.returncode == 0, up.stdout + up.stderr
        assert json.loads(up.stdout.splitlines()[-1])["findings"] == []
        code, found = examined(three)
        by_ray = three.run(*by_ray_alone(three), machine=HEAD)
        three.run("sh", "-c", "echo wrong > /tmp/token", machine=LAPTOP)
        joined = three.distnet("cluster", "join", f"{HEAD.address}:6379", "--token", "/tmp/token")
    finally:
        three.distnet("cluster", "down", file(three), "--delete-data")

    assert code == 0, [each for each in found.values() if each["level"] == "fault"]
    assert found["cluster", "exchange"]["found"].startswith("gloo on 3 nodes: slowest link ")
    assert "a sum of" in found["cluster", "exchange"]["found"]
    assert found["cluster", "token"]["found"] == "all nodes have the same token"
    assert found["cluster", "auth-mode"]["found"] == "RAY_AUTH_MODE=token on all nodes"
    assert found["cluster", "services"]["found"].startswith("all nodes reach Ray 10.215.0.1:6379")
    assert joined.returncode == 2
    assert "the head refuses this token" in joined.stderr
    assert by_ray.returncode == 0, by_ray.stdout + by_ray.stderr
    printed = json.loads(by_ray.stdout.splitlines()[-1])
    assert printed["nodes"] == [HEAD.address, GPU1.address, GPU2.address]
    assert "fault" not in {each["level"] for each in printed["findings"]}
    assert {"exchange", "links", "packet-size", "storage", "clock-skew"} <= {
        each["id"] for each in printed["findings"]
    }
