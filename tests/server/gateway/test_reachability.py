"""What the server says of a cluster that is not there yet."""

from pathlib import Path

from distnet.server.gateway.reachability import Reach
from tests.server.harness import Harness


def test_a_cluster_is_told_to_be_missing_and_to_be_there_once_each(tmp_path: Path) -> None:
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        said: list[str] = []
        reach = Reach(harness.server.mirror, said.append)
        reach.begin()
        for is_reachable in (False, False, True, False, True):
            reach.look()
            harness.cluster.is_reachable = is_reachable
            harness.run(2)
            reach.look()

    missing, there = said
    assert "jobs wait until it does; start one with: ray start --head" in missing
    assert there == "the Ray cluster answers now"


def test_of_a_cluster_that_answers_nothing_is_said(tmp_path: Path) -> None:
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        said: list[str] = []
        reach = Reach(harness.server.mirror, said.append)
        reach.begin()
        reach.look()
        harness.run(2)
        reach.look()

    assert said == []
