"""`up` with hosts that do not fit: each is named with step and remedy, nothing stays half up."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from distnet.cluster.file.read import read_cluster_text
from distnet.cluster.host import Host
from distnet.cluster.hosts.fleet import Fleet, Outcome
from distnet.cluster.hosts.up import BringUp, ClusterUp, Up
from distnet.cluster.ssh.process import Ended
from distnet.cluster.ssh.shell import Shell

FILE = """name: lab
provider: ssh
install: none
hosts: [head, {name: gpu1, host: gpu1.lab, gpus: 1}, gpu2]
"""
VERSIONS = {"distnet": "0.1.0", "ray": "2.60.0", "torch": "2.14.1", "python": "3.11.9"}
NODE = {"cluster": "lab", "host": "gpu2", "mark": "c1-gpu2", "role": "worker"}
IDENTITY = {"id": "c1", "token": "t", "hosts": []}


def error(kind: str, found: str = "no") -> dict[str, Any]:
    return {"error": {"kind": kind, "found": found, "remedy": "mend it"}}


class FakeHost(Shell):
    """A host whose replies are known, by step."""

    def __init__(self, host: Host, last: int, **changes: dict[str, Any]) -> None:
        super().__init__(host)
        probe = {
            **{"system": "Linux", "is_writable": True, "base": "/", "folder": "/f", "cpus": 4},
            **{"gpus": ["H100"], "address": f"10.0.0.{last}", "cluster": None, "node": None},
            "time": 0.0,
        }
        self.says = {
            "python": ["/usr/bin/python3", [3, 11, 9], True, True],
            "probe": {"result": probe | changes.get("probe", {})},
            "environment": {"result": {"versions": VERSIONS, "is_new": False}},
            "token": {"secret": "dn_x"},
            "start": {"result": {"is_new": True}},
            "stop": {"result": {}},
        } | {step: said for step, said in changes.items() if step != "probe"}
        self.steps: list[str] = []

    def run(  # type: ignore[override]
        self,
        words: Sequence[str],
        *,
        step: str = "run",
        on_line: Callable[[str], None] | None = None,
        **_: Any,
    ) -> Ended:
        is_copy = any("wc -c" in word for word in words)
        self.steps += [] if is_copy else [step]
        line = json.dumps(None if is_copy else self.says.get(step))
        if on_line is not None:
            on_line(line)
        return Ended(0, f"{line}\n".encode(), "")

    def _command(self, words: Sequence[str], step: str) -> Sequence[str]:
        raise AssertionError("nothing is run")


class FakeHosts:
    """The shells of a cluster."""

    def __init__(self, hosts: Sequence[Host], **changes: dict[str, Any]) -> None:
        self.all = {h.name: FakeHost(h, i, **changes.get(h.name, {})) for i, h in enumerate(hosts)}

    def get(self, host: Host) -> FakeHost:
        return self.all[host.name]

    def interrupt(self) -> None: ...
    def close(self) -> None: ...


def bring_up(**changes: dict[str, Any]) -> tuple[ClusterUp, FakeHosts]:
    file = read_cluster_text(FILE, Path("lab.yaml"))
    shells = FakeHosts(file.hosts, **changes)
    up = BringUp(file, Fleet(shells), user="ada", knows=lambda _: True, report=lambda *_: None)
    return up.run(), shells


def failed(outcomes: dict[str, Outcome[Up]] | Any) -> dict[str, tuple[str, str]]:
    return {
        name: (each.error.step, each.error.kind) for name, each in outcomes.items() if each.error
    }


def test_hosts_that_fit_come_up():
    done, shells = bring_up()

    assert failed(done.hosts) == {}
    assert done.server == "http://10.0.0.0:8270"
    assert all("stop" not in shell.steps for shell in shells.all.values())


@pytest.mark.parametrize(
    ("changes", "step", "kind", "texts"),
    [
        ({"python": ["/usr/bin/python3", [3, 12, 1], True, True]},
         "python", "wrong-python", ("found Python 3.12.1", "expected Python 3.11 as on head")),
        ({"python": ["/usr/bin/python3", [3, 11, 2], False, True]},
         "python", "no-distnet", ("no Python of this host has distnet", "install: checkout")),
        ({"environment": {"result": {"versions": VERSIONS | {"ray": "2.59.0"}, "is_new": False}}},
         "environment", "other-version", ("found ray 2.59.0, expected ray 2.60.0 as on head",)),
        ({"environment": error("no-space", "No space left on device")},
         "environment", "no-space", ("No space left on device",)),
        ({"probe": {"address": "10.0.0.0"}},
         "probe", "host-twice", ("has the address of head, 10.0.0.0", "listed twice")),
        ({"probe": {"address": "10.0.0.1"}}, "probe", "host-twice", ("the address of gpu1",)),
        ({"probe": {"node": {**NODE, "mark": "other", "cluster": "farm"}}},
         "probe", "other-cluster", ("a node of another cluster farm",)),
        ({"probe": {"node": {**NODE, "role": "head"}}},
         "probe", "head-moved", ("it is the head of this cluster, expected a worker",)),
        ({"probe": {"is_writable": False}}, "probe", "no-permission", ("may not write in /",)),
        ({"probe": {"system": "Darwin"}}, "probe", "system", ("found Darwin",)),
        ({"start": error("head-unreachable")}, "start", "head-unreachable", ("mend it",)),
    ],
)  # fmt: skip
def test_host_that_does_not_fit_is_named_and_the_others_come_up(changes, step, kind, texts):
    done, shells = bring_up(head={"probe": {"cluster": IDENTITY}}, gpu2=changes)

    assert failed(done.hosts) == {"gpu2": (step, kind)}
    assert all(text in str(done.hosts["gpu2"].error) for text in texts)
    assert done.server is not None
    assert "stop" not in shells.all["gpu1"].steps


def test_gpu_on_a_host_without_one_is_named():
    done, _ = bring_up(gpu1={"probe": {"gpus": []}})

    assert failed(done.hosts) == {"gpu1": ("probe", "no-gpu")}
    assert "found 0 GPUs (none), expected 1" in str(done.hosts["gpu1"].error)


def test_head_whose_port_is_taken_leaves_nothing_half_up():
    done, shells = bring_up(head={"start": error("port-taken", "cannot listen on 10.0.0.0:6379")})

    assert failed(done.hosts)["head"] == ("start", "port-taken")
    assert {failed(done.hosts)[name] for name in ("gpu1", "gpu2")} == {("wait", "head-failed")}
    assert done.server is None
    assert done.token is None
    assert "start" not in shells.all["gpu1"].steps + shells.all["gpu2"].steps
    assert shells.all["head"].steps[-1] == "stop"
