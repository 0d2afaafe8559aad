"""The settings of a node: run folders and checkpoints are where the cluster file says."""

from pathlib import Path

import pytest

from distnet.cluster.file.read import load_cluster
from distnet.cluster.hosts.environment import Environment
from distnet.cluster.hosts.facts import Facts, new_identity
from distnet.cluster.hosts.node_settings import make_settings
from distnet.cluster.node.settings import NodeSettings, read_settings

FACTS = Facts("/home/ada/.distnet/cluster/lab", "10.0.0.1", 4, 0, (), 0.0, None, None)
OWN = "/home/ada/.distnet/cluster/lab/data/runs"


def settings_of(path: Path, storage: str) -> NodeSettings:
    path.write_text(f"name: lab\nprovider: ssh\nhosts: [login, gpu1]\n{storage}")
    file = load_cluster(path)
    environment = Environment("/usr/bin/python3", {}, is_new=False)
    identity = new_identity(has_token=True)
    return make_settings(file, file.head, FACTS, FACTS, identity=identity, environment=environment)


@pytest.mark.parametrize(
    ("storage", "runs", "share", "checkpoints"),
    [
        ("", OWN, None, None),
        ("storage: /shared\n", "/shared/lab/runs", "/shared", None),
        ("storage: s3://bucket/x\n", OWN, None, "s3://bucket/x"),
    ],
)
def test_storage_is_a_folder_of_runs_or_a_store_of_checkpoints(
    tmp_path: Path, storage: str, runs: str, share: str | None, checkpoints: str | None
) -> None:
    found = settings_of(tmp_path / "lab.yaml", storage)

    assert found.storage == share
    assert found.server is not None
    assert (found.server.runs, found.server.checkpoints) == (runs, checkpoints)
    (tmp_path / "node.json").write_bytes(found.to_json())
    assert read_settings(tmp_path).server == found.server
