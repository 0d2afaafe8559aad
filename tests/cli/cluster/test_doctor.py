"""`distnet doctor`, as it is typed."""

import json
import sys

import pytest

from distnet.cli.cluster.findings import findings_as_json, show_findings, summary
from distnet.cli.main import main
from distnet.cluster.doctor.finding import fault, ok, warning
from tests.cluster.conftest import client, server
from tests.cluster.sshd import Client, Sshd

__all__ = ["client", "server"]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nodes have Linux")

FINDINGS = [
    ok("Python 3.11").at("gpu1"),
    ok("8 cores").at("gpu1"),
    warning("few files", "more", "raise it").at("gpu2"),
    fault("no torch", "torch", "pip install torch").at("gpu2"),
    ok("clocks agree"),
]


def test_worst_node_is_first_and_nodes_that_are_well_have_one_line(capsys):
    show_findings(FINDINGS, shows_all=False)

    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines if not line.startswith(" ")] == [
        "gpu2",
        "gpu1",
        "cluster",
    ]
    assert lines[0] == "gpu2: 1 fault, 1 warning"
    assert lines[1].split() == ["fault", "no", "torch;", "expected", "torch"]
    assert lines[2].strip() == "-> pip install torch"
    assert "gpu1: all 2 checks ok" in lines
    assert summary(FINDINGS) == "2 nodes, 1 fault, 1 warning, 3 ok"
    assert findings_as_json(FINDINGS)[0]["remedy"] == "pip install torch"


def test_this_machine_is_examined(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DISTNET_CONFIG", str(tmp_path))
    secret = tmp_path / "contexts.json"
    secret.write_text("{}")
    secret.chmod(0o644)

    code = main(["doctor", "--runs", str(tmp_path), "--json"])

    printed = json.loads(capsys.readouterr().out)
    found = {each["id"]: each for each in printed["findings"] if each["level"] == "fault"}
    assert code == 1, "others can read a token"
    assert found["token-file"]["remedy"].startswith(f"chmod 600 {secret}")
    assert printed["nodes"] == ["this machine"]


def test_cluster_and_address_exclude_one_another(capsys):
    assert main(["doctor", "--cluster", "a.yaml", "--address", "auto"]) == 2
    assert "found --cluster and --address" in capsys.readouterr().err


@pytest.mark.check
def test_hosts_are_examined_over_ssh(client: Client, server: Sshd, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DISTNET_CONFIG", str(tmp_path / "config"))
    client.trust(server)
    path = tmp_path / "lab.yaml"
    key = server.folder / "user_key"
    path.write_text(
        f"name: lab\nprovider: ssh\ninstall: none\nfolder: {tmp_path}/cluster\nhosts:\n"
        f"  - {{name: gpu1, host: 127.0.0.1, port: {server.port}, key: {key}, gpus: 4096}}\n"
        f"  - {{name: gpu2, host: 127.0.0.1, port: 1, key: {key}}}\n"
    )

    code = main(["doctor", "--cluster", str(path)])

    out = capsys.readouterr().out
    assert code == 1
    assert "reached        connect: " in out
    assert "expected 4096, as in the cluster file" in out
    assert not (tmp_path / "cluster").exists(), "nothing is changed"
