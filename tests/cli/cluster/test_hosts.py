"""The commands of clusters over real ssh, without starting Ray."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from distnet.cli.main import main
from distnet.launch.ports import free_port
from tests.cluster.conftest import client, server
from tests.cluster.sshd import Client, Sshd

__all__ = ["client", "server"]


@pytest.fixture
def lab(client: Client, server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cluster file with a host that works, gpu1, and one whose ssh server is down."""
    monkeypatch.setenv("DISTNET_CONFIG", str(tmp_path / "config"))
    client.trust(server)
    path = tmp_path / "lab.yaml"
    path.write_text(file_text(server, tmp_path, closed=free_port("127.0.0.1")))
    return path


def file_text(server: Sshd, folder: Path, *, closed: int) -> str:
    key = server.folder / "user_key"
    return f"""name: lab
provider: ssh
install: none
folder: {folder}/cluster
hosts:
  - {{name: gpu1, host: 127.0.0.1, port: {server.port}, key: {key}}}
  - {{name: gpu2, host: 127.0.0.1, port: {closed}, key: {key}}}
"""


def test_head_that_is_down_is_named_and_nothing_is_left(lab, capsys):
    lab.write_text(lab.read_text() + "head: gpu2\n")

    code = main(["cluster", "up", str(lab), "--json"])

    (printed,) = map(json.loads, capsys.readouterr().out.splitlines())
    kinds = {host["name"]: host["error"]["kind"] for host in printed["hosts"]}
    assert code == 2
    assert kinds == {"gpu1": "head-failed", "gpu2": "port-closed"}
    assert printed["server"] is None
    assert printed["hosts"][1]["error"]["step"] == "connect"
    assert not (lab.parent / "cluster").exists()
    assert not (lab.parent / "config").exists()


@pytest.mark.check
def test_status_and_down_of_a_cluster_that_was_never_up(lab, capsys):
    lab.write_text("".join(lab.read_text().splitlines(keepends=True)[:-1]))  # without gpu2

    assert main(["cluster", "status", str(lab)]) == 3
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["gpu1", "down"]
    assert main(["cluster", "down", str(lab)]) == 0
    assert capsys.readouterr().out == "gpu1: down, 0 processes ended\n"
    assert not (lab.parent / "cluster").exists()


@pytest.mark.check
def test_host_that_is_down_does_not_stop_the_others(lab, capsys):
    assert main(["cluster", "down", str(lab), "--json"]) == 2

    printed = json.loads(capsys.readouterr().out.splitlines()[0])
    errors = {host["name"]: host["error"] and host["error"]["kind"] for host in printed["hosts"]}
    assert errors == {"gpu1": None, "gpu2": "port-closed"}


@pytest.mark.check
def test_command_runs_on_a_host(lab, client):
    words = ["cluster", "ssh", str(lab), "gpu1", "--", "echo", "a b"]
    ended = subprocess.run(
        [sys.executable, "-m", "distnet.cli", *words],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (0, "a b\n"), ended.stderr


@pytest.mark.check
@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("ssh", "LAB", "gpu9"), "found no host 'gpu9', expected one of: gpu1, gpu2"),
        (("logs", "LAB", "gpu2", "--server"), "--server: found host gpu2, expected the head"),
        (("logs", "LAB", "gpu1"), "gpu1: logs: tail: cannot open"),
        (("nodes", "LAB"), "gpu1: nodes: Ray on the head does not list its nodes"),
        (("join", "head"), "found 'head', expected HOST:PORT such as 10.0.0.1:6379"),
        (("join", "127.0.0.1:1"), "cannot reach the head at 127.0.0.1:1"),
    ],
)
def test_mistakes_are_named(lab, capsys, words, text):
    assert main(["cluster", *(str(lab) if word == "LAB" else word for word in words)]) == 2
    assert text in capsys.readouterr().err


def test_clouds_are_not_reached_over_ssh(tmp_path, capsys):
    source = Path(__file__).parents[3] / "cluster" / "aws.yaml"
    if not source.exists():
        pytest.skip("no cluster/aws.yaml yet")

    assert main(["cluster", "status", str(source)]) == 2
    assert "found aws, expected local or ssh" in capsys.readouterr().err


@pytest.mark.check
@pytest.mark.parametrize("words", [("cluster", "up"), ("doctor", "--cluster")])
def test_interrupt_ends_it_without_delay(lab, server, tmp_path, words):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        lab.write_text(file_text(server, tmp_path, closed=port))
        process = subprocess.Popen(
            [sys.executable, "-m", "distnet.cli", *words, str(lab)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        connected, _ = silent.accept()  # ssh waits for what never comes
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        connected.close()

    assert process.returncode == 130, errors
    assert "interrupted" in errors
