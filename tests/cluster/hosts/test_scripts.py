"""The scripts that run on hosts, here on this machine and over ssh."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from distnet.cluster.errors import HostError
from distnet.cluster.host import Host
from distnet.cluster.hosts.environment import Contents, contents, prepare
from distnet.cluster.hosts.facts import probe
from distnet.cluster.hosts.on_host.data import is_worth_keeping
from distnet.cluster.hosts.pythons import Python
from distnet.cluster.hosts.script import run_script
from distnet.cluster.ssh.this_machine import ThisMachine
from distnet.launch.ports import free_port
from tests.needs import Need

PYTHON = Python(sys.executable, sys.version_info[:3], has_distnet=True, has_venv=True)
NODE = """
import json, os, sys, time
folder, version = sys.argv[1:]
part = {"is_up": True, "error": None}
state = {"pid": os.getpid(), "version": version, "ray": part, "server": None}
if version == "broken":
    part |= {"is_up": False, "error": "Ray does not want"}
open(folder + "/state.json", "w").write(json.dumps(state))
if version != "silent":
    print("node runs", flush=True)
import subprocess
subprocess.Popen(["sleep", "600"], start_new_session=True)
time.sleep(600)
"""
LINUX = Need("/proc", "Linux")
pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason=str(LINUX))


def shell(**settings: object) -> ThisMachine:
    return ThisMachine(Host("gpu1", "gpu1", **settings))


def test_probe_over_ssh_finds_what_the_host_offers(connections, server, tmp_path):
    connection = connections.get(server.host())

    facts = probe(connection, PYTHON, str(tmp_path / "new"), None)

    assert facts.folder == str(tmp_path / "new")
    assert facts.num_cpus == len(os.sched_getaffinity(0))
    assert facts.address
    assert abs(facts.clock_skew_s) < 1
    assert facts.identity is None
    assert facts.node is None


def test_gpus_that_are_not_there_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/bin")  # without nvidia-smi

    with pytest.raises(
        HostError, match=r"gpu1: probe: found 0 GPUs \(none\), expected 2"
    ) as raised:
        probe(shell(gpus=2), PYTHON, str(tmp_path), "127.0.0.1")

    assert raised.value.kind == "no-gpu"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_may_not_be_written_is_named():
    with pytest.raises(HostError, match="may not write in /") as raised:
        probe(shell(), PYTHON, "/distnet-test", "127.0.0.1")

    assert raised.value.kind == "no-permission"


@pytest.mark.check
def test_package_that_cannot_be_installed_is_named_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    lines: list[str] = []
    wanted = Contents(None, ("distnet-test-of-no-such-package",), ())

    with pytest.raises(HostError, match="gpu1: environment: pip could not install") as raised:
        prepare(shell(), PYTHON, str(tmp_path), wanted, lines.append)

    assert raised.value.kind == "install"
    assert "distnet-test-of-no-such-package" in raised.value.found
    assert any("no-such-package" in line for line in lines)
    assert list((tmp_path / "environments").iterdir()) == []


@pytest.mark.check
def test_distnet_is_installed_once_in_an_environment_of_its_own(tmp_path, monkeypatch):
    # Of all that distnet requires only itself is installed: the rest is 5 GB.
    monkeypatch.setenv("PYTHONPATH", str(Path(psutil.__file__).parents[1]))
    monkeypatch.setenv("PIP_NO_DEPS", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    wanted = contents("checkout", ())
    assert wanted is not None

    first = prepare(shell(), PYTHON, str(tmp_path), wanted, lambda _: None)
    second = prepare(shell(), PYTHON, str(tmp_path), wanted, lambda _: None)

    where = subprocess.run(
        [first.python, "-c", "import distnet; print(distnet.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    assert first.python.startswith(str(tmp_path / "environments"))
    assert where.stdout.startswith(str(tmp_path / "environments"))
    assert (first.is_new, second.is_new) == (True, False)
    assert first.versions == second.versions
    assert (Path(first.python).parent / "distnet").exists(), "the command line"


def test_environment_that_exists_is_described(tmp_path):
    environment = prepare(shell(), PYTHON, str(tmp_path), None, lambda _: None)

    assert environment.python == sys.executable
    assert {"distnet", "ray", "torch", "python"} <= set(environment.versions)
    assert not environment.is_new


class Node:
    """A node's folder and the arguments to start it, with a program in the node's stead."""

    def __init__(self, folder: Path, version: str = "1") -> None:
        self.folder = folder
        self.mark = f"test-{folder.name}-{os.getpid()}"
        settings = {
            **{"mark": self.mark, "version": version, "role": "worker", "address": "127.0.0.1"},
            **{"num_cpus": 1, "num_gpus": 0, "storage": None, "storage_mark": ""},
            "sockets": str(folder / "sockets"),
        }
        folder.mkdir(exist_ok=True)
        (folder / "node.json").write_text(json.dumps(settings))
        self.given = {
            **{"folder": str(folder), "unit": "distnet-test.service", "unit_text": ""},
            "command": [sys.executable, "-c", NODE, str(folder), version],
            **{"sockets": str(folder / "sockets"), "head": None, "ports": [], "timeout_s": 20},
        }

    def control(self, action: str, **given: object) -> dict[str, object]:
        arguments = self.given | given | {"action": action}
        return run_script(shell(), sys.executable, "control", arguments, step=action)

    def processes(self) -> list[str]:
        found = subprocess.run(
            ["sh", "-c", f"grep -lz '^DISTNET_NODE={self.mark}$' /proc/*/environ 2>/dev/null"],
            capture_output=True,
            text=True,
            check=False,
        )
        return found.stdout.split()


def test_node_is_started_left_alone_started_anew_and_removed(tmp_path):
    node = Node(tmp_path / "lab")
    try:
        assert node.control("start")["is_new"]
        assert len(node.processes()) == 2
        first = node.control("status")
        assert not node.control("start")["is_new"]
        assert node.control("status") == first

        changed = Node(tmp_path / "lab", version="2")
        assert changed.control("start")["is_new"]
        assert changed.control("status")["state"]["pid"] != first["state"]["pid"]
        assert len(node.processes()) == 2
    finally:
        removed = node.control("remove", keep=["data"], parents=[])

    assert removed == {"num_ended": 2, "kept": []}
    assert node.processes() == []
    assert not (tmp_path / "lab").exists()


def test_node_that_does_not_come_up_is_ended_again(tmp_path):
    broken, silent = Node(tmp_path / "a", "broken"), Node(tmp_path / "b", "silent")
    silent.given["command"][-1] = "another"

    with pytest.raises(HostError, match="gpu1: start: Ray does not want"):
        broken.control("start")
    with pytest.raises(HostError, match="not up within 1 s; its log ends with: node runs"):
        silent.control("start", timeout_s=1)

    assert broken.processes() == silent.processes() == []
    assert not (tmp_path / "a" / "state.json").exists()


@pytest.mark.check
def test_head_that_cannot_be_reached_and_port_in_use_are_named(tmp_path):
    node, port = Node(tmp_path / "lab"), free_port("127.0.0.1")

    with pytest.raises(HostError, match=f"cannot reach the head at 127.0.0.1:{port}: ") as head:
        node.control("start", head=["127.0.0.1", port])
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", "-b", "127.0.0.1", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as other:
        deadline = time.monotonic() + 20
        taken = None
        while taken is None and time.monotonic() < deadline:
            try:
                node.control("start", ports=[["server.port", "127.0.0.1", port]])
                node.control("stop")
            except HostError as error:
                taken = error
        other.kill()

    assert head.value.kind == "head-unreachable"
    assert taken is not None
    assert taken.kind == "port-taken"
    assert "server.port" in taken.remedy


@pytest.mark.check
def test_storage_must_be_the_folder_of_the_head(tmp_path):
    node = Node(tmp_path / "lab")
    settings = json.loads((tmp_path / "lab" / "node.json").read_text())
    for storage, text in (
        (tmp_path / "absent", "found no folder"),
        (tmp_path, "is not the folder"),
    ):
        changed = settings | {"storage": str(storage), "storage_mark": ".mark"}
        (tmp_path / "lab" / "node.json").write_text(json.dumps(changed))
        with pytest.raises(HostError, match=text) as raised:
            node.control("start")
        assert raised.value.kind == "no-storage"


@pytest.mark.check
def test_script_that_nobody_waits_for_ends(tmp_path):
    here, node = shell(), Node(tmp_path / "lab", "silent")
    node.given["command"][-1] = "another"
    arguments = node.given | {"action": "start", "timeout_s": 600}

    def start() -> None:
        with pytest.raises(HostError):
            run_script(here, sys.executable, "control", arguments, step="start")

    thread = threading.Thread(target=start)
    thread.start()
    while not node.processes():
        time.sleep(0.02)
    here.interrupt()
    thread.join(20)

    assert not thread.is_alive()
    assert node.control("stop")["num_ended"] == 2


def test_data_are_kept_if_there_is_work_in_them(tmp_path):
    assert not is_worth_keeping(tmp_path / "absent")
    (tmp_path / "runs").mkdir()
    assert not is_worth_keeping(tmp_path)
    (tmp_path / "runs" / "result.json").touch()
    assert is_worth_keeping(tmp_path)
