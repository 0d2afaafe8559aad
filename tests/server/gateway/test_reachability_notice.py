"""The messages about a cluster that cannot be reached when the server starts."""

from pathlib import Path

from distnet.server.gateway.reachability_notice import ReachabilityNotice
from tests.server.harness import Harness


def test_an_unreachable_cluster_and_its_return_are_reported_once_each(tmp_path: Path) -> None:
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        messages: list[str] = []
        notice = ReachabilityNotice(harness.server.mirror, messages.append)
        notice.enable()
        for is_reachable in (False, False, True, False, True):
            notice.check()
            harness.cluster.is_reachable = is_reachable
            harness.run(2)
            notice.check()

    unreachable, reachable = messages
    assert unreachable.startswith("no Ray cluster is reachable yet (the cluster does not respond)")
    assert "jobs wait until it is; start one with: ray start --head" in unreachable
    assert reachable == "the Ray cluster is reachable now"


def test_a_reachable_cluster_needs_no_message(tmp_path: Path) -> None:
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        messages: list[str] = []
        notice = ReachabilityNotice(harness.server.mirror, messages.append)
        notice.enable()
        notice.check()
        harness.run(2)
        notice.check()

    assert messages == []
