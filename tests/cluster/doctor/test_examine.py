"""Facts of this machine, as they are."""

import json
import os
import socket
import stat
import sys

import pytest
import torch

from distnet.cluster.hosts.on_host import packages as packages_module
from distnet.cluster.hosts.on_host.examine import examine
from distnet.cluster.hosts.on_host.network import network
from distnet.cluster.hosts.on_host.packages import packages
from distnet.cluster.hosts.on_host.system import instruction_set
from distnet.protocol.versions import own_version

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nodes have Linux")


def given(**more: object) -> dict[str, object]:
    nothing = {"cluster": None, "python": sys.executable, "address": "127.0.0.1"}
    return {**nothing, "folders": {}, "secrets": {}, "ports": [], "store": None, **more}


def test_machine_is_described(tmp_path):
    token = tmp_path / "token"
    token.write_text("secret")
    token.chmod(0o640)

    found = examine(given(folders={"runs": str(tmp_path)}, secrets={"ray": str(token)}))

    assert found["num_cpus"] == len(os.sched_getaffinity(0))
    assert found["memory_bytes"] >= found["memory_free_bytes"] > 0
    assert found["folders"][0]["is_writable"]
    assert found["folders"][0]["free_bytes"] > 0
    (secret,) = found["secrets"]
    assert secret["mode"] == stat.S_IMODE(token.stat().st_mode)
    assert "secret" not in json.dumps(secret).replace(str(token), "")
    assert ("lo", "127.0.0.1") in [(row["name"], row["address"]) for row in found["interfaces"]]
    assert found["versions"]["distnet"] == own_version()
    assert found["versions"]["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert found["torch_cuda"] == torch.version.cuda


def test_instruction_set_is_that_of_torch(monkeypatch):
    monkeypatch.delenv("ATEN_CPU_CAPABILITY", raising=False)

    assert instruction_set() == torch.backends.cpu.get_cpu_capability()


def test_settings_of_the_node_are_those_of_its_cluster(tmp_path):
    node = {"python": "/absent/python", "address": "10.9.9.9"}
    (tmp_path / "node.json").write_text(json.dumps(node))
    (tmp_path / "token").write_text("abc")

    found = examine(given(cluster=str(tmp_path)))

    assert (found["is_node"], found["address"]) == (True, "10.9.9.9")
    assert found["python"] is None, "its Python does not exist"
    assert found["secrets"][0]["path"] == str(tmp_path / "token")


def test_port_in_use_is_found():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = network([("ports.ray", "127.0.0.1", port)])

    assert found["taken_ports"] == [
        {"key": "ports.ray", "port": port, "error": "Address already in use"}
    ]


def test_python_that_does_not_start_has_no_packages():
    assert packages("/absent")["versions"] == dict.fromkeys(packages_module.PACKAGES)


@pytest.mark.check
def test_object_store_is_tried_with_the_code_that_uses_it(tmp_path):
    good, bad = examine(given(store=f"file://{tmp_path}")), examine(given(store="nothing://x"))

    assert good["store"] == {"address": f"file://{tmp_path}", "error": None}
    assert "found 'nothing://x', which cannot be used" in bad["store"]["error"]
