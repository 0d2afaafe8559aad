"""A cluster over ssh whose four machines share nothing: up, training, a cut link, repair, down."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import distnet
from distnet.data.shipped import find_dataset
from tests.cluster.machines import (
    GPU1,
    GPU2,
    GPU3,
    HEAD,
    HOSTS,
    LAPTOP,
    ROOT,
    Machine,
    Machines,
    cut,
    is_possible,
    machines,
    mend,
)
from tests.cluster.sshd import PROGRAM
from tests.needs import NAMESPACES, SSHD

pytestmark = [
    pytest.mark.ray,
    pytest.mark.check,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not is_possible(), reason=str(NAMESPACES)),
    pytest.mark.skipif(PROGRAM is None, reason=str(SSHD)),
]
JOB = ROOT / "jobs" / "digits.yaml"
RUNS = "/home/root/.distnet/cluster/lab/data/runs"
SETTINGS = ("train.steps=500", "checkpoint.every_steps=50")
WORKER = "RayTrainWorker"
# Two CPUs each: three hosts hold all four workers when one is lost.
FILE = f"""name: lab
provider: ssh
head: head
install: none
hosts:
  - {{host: head, cpus: 2, gpus: 0}}
  - {{host: {GPU1.address}, name: gpu1, user: anna, cpus: 2, labels: {{rack: a}}}}
  - {{host: {GPU2.address}, name: gpu2, port: 2222, cpus: 2}}
"""
BEHIND = f"  - {{host: {GPU3.address}, name: gpu3, jump: head, cpus: 2}}\n"


@pytest.fixture(scope="module")
def four() -> Iterator[Machines]:
    with machines() as started:
        yield started


def file(four: Machines, hosts: str = BEHIND, *, storage: Path | None = None) -> str:
    path = four.folder / "lab.yaml"
    shared = f"storage: {storage}\n" if storage else ""
    path.write_text(f"{FILE}{hosts}{shared}")
    return str(path)


def own_job(four: Machines) -> str:
    """The job of the digits on the user's machine alone, with its dataset beside it."""
    home = four.own(LAPTOP, "/home/root")
    shutil.copytree(find_dataset("mnist", folder=home), home / "digits")
    (home / "mine.yaml").write_text(JOB.read_text().replace("source: mnist", "source: ./digits"))
    return "/home/root/mine.yaml"


def wait_until(is_so: Callable[[], bool], timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end, f"not so within {timeout_s} s"
        time.sleep(0.2)


def trains(four: Machines, machine: Machine) -> bool:
    """Whether a worker runs on a machine."""
    return any(WORKER in words for words in four.processes(machine))


def records(metrics: Path) -> list[dict[str, Any]]:
    """The records of a run, as far as they are whole."""
    text = metrics.read_text() if metrics.exists() else ""
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


def kinds(metrics: Path) -> set[str]:
    """The kinds of records that a run has."""
    return {record["kind"] for record in records(metrics)}


def result(ended) -> dict[str, object]:
    assert ended.returncode == 0, f"{ended.stdout}{ended.stderr}"
    return json.loads(ended.stdout.splitlines()[-1])


def test_cluster_trains_through_a_cut_link_and_leaves_nothing(four: Machines, tmp_path: Path):
    lab = file(four)

    up = result(four.distnet("cluster", "up", lab, "--json"))
    assert {host["name"]: host["state"] for host in up["hosts"]} == dict.fromkeys(
        ("head", "gpu1", "gpu2", "gpu3"), "up"
    )
    again = result(four.distnet("cluster", "up", lab, "--json"))
    assert not any(host["is_new"] for host in again["hosts"])
    nodes = result(four.distnet("cluster", "nodes", lab, "--json"))["nodes"]
    assert {(node["name"], node["state"]) for node in nodes} == {
        (name, "alive") for name in ("head", "gpu1", "gpu2", "gpu3")
    }

    words = [word for setting in SETTINGS for word in ("--set", setting)]
    submit = ["submit", own_job(four), "--workers", "4", "--name", "digits", *words]
    submitted = four.distnet(*submit)
    assert submitted.returncode == 0, submitted.stderr
    assert "uploaded mnist to http://10.215.0.1:" in submitted.stderr
    metrics = four.own(HEAD, f"{RUNS}/digits/metrics.jsonl")
    wait_until(lambda: "checkpoint" in kinds(metrics), 400)
    lost = next(machine for machine in (GPU3, GPU2, GPU1) if trains(four, machine))
    cut(lost)
    assert four.distnet("wait", "digits", timeout=500).returncode == 0
    folder = metrics.parent
    inline = distnet.run(JOB, inline=True, overrides=list(SETTINGS), runs=tmp_path)
    trained = json.loads((folder / "result.json").read_text())
    assert trained["weights_sha256"] == inline.result["weights_sha256"]
    assert trained["workers"] == 4
    assert trained["attempts"] > 1
    begins = [record["step"] for record in records(metrics) if record["kind"] == "attempt"]
    assert begins[0] == 0
    assert begins[-1] >= 50, "it goes on from a checkpoint, which the lost host did not keep"

    status = four.distnet("cluster", "status", lab)
    assert status.returncode == 2
    assert f"{lost.name}: connect: " in status.stderr
    mend(lost)
    assert four.distnet("cluster", "up", lab).returncode == 0
    assert four.distnet("cluster", "status", lab).returncode == 0

    removed = result(four.distnet("cluster", "up", file(four, ""), "--json"))["removed"]
    assert removed == [{"name": "gpu3", "error": None}]
    assert four.processes(GPU3) == four.files(GPU3, "/home/root") == []

    kept = four.distnet("cluster", "down", file(four, ""))
    assert kept.returncode == 0, kept.stderr
    assert "head: kept /home/root/.distnet/cluster/lab/data" in kept.stderr
    assert four.distnet("cluster", "down", file(four, ""), "--delete-data").returncode == 0
    for machine in HOSTS:
        assert four.processes(machine) == [], machine.name
        for path in ("/home/root", "/home/anna", "/tmp", "/dev/shm"):
            assert four.files(machine, path) == [], (machine.name, path)


def test_host_without_the_storage_and_a_killed_head_are_repaired_by_up(four: Machines):
    lab = file(four, "", storage=four.storage)
    four.run("mount", "-t", "tmpfs", "none", str(four.storage), machine=GPU1)
    try:
        up = four.distnet("cluster", "up", lab, "--json")

        hosts = {host["name"]: host for host in json.loads(up.stdout.splitlines()[0])["hosts"]}
        assert up.returncode == 2
        assert {name for name, host in hosts.items() if host["state"] == "up"} == {"head", "gpu2"}
        assert hosts["gpu1"]["error"]["kind"] == "no-storage"
        assert four.processes(GPU1) == []
        four.run("umount", str(four.storage), machine=GPU1)
        state = four.run("cat", "/home/root/.distnet/cluster/lab/state.json", machine=HEAD).stdout
        four.run("kill", "-9", str(json.loads(state)["pid"]), machine=HEAD)  # Ray is orphaned
        again = four.distnet("cluster", "up", lab, "--json")
        assert again.returncode == 0, again.stdout
        status = ("cluster", "status", lab)  # the others join the new Ray by themselves
        wait_until(lambda: four.distnet(*status).returncode == 0, 120)
    finally:
        four.run("umount", str(four.storage), machine=GPU1)
        down = four.distnet("cluster", "down", lab)
    assert down.returncode == 0, down.stderr
    assert four.processes(HEAD) == four.files(HEAD, "/home/root") == []
