"""The gateway to a real Ray with a token, and to what is no Ray, or none any more."""

import json
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from distnet.launch.ports import free_port
from distnet.protocol.errors import UnavailableError
from distnet.server.gateway.gateway import ProcessStatus, StartRequest
from distnet.server.gateway.ray_gateway import RayGateway
from tests.agent.fake_server import FakeServer, serving
from tests.server.ray_head import RayHead, a_ray, host, ray_head

__all__ = ["ray_head"]

pytestmark = [
    pytest.mark.check,
    pytest.mark.ray,
    pytest.mark.skipif(sys.platform != "linux", reason="nodes on other loopback addresses"),
]
PATIENCE_S = 60.0
WAITS = "python -c 'import time; time.sleep(1000)'"
HOLDS = """
import os, ray, sys, time
from ray.util import placement_group
ray.init(address=sys.argv[1], log_to_driver=False)
@ray.remote(num_cpus=1)
class Server:
    def ready(self):
        return True
server = Server.remote()
ray.get(server.ready.remote())
ray.get(placement_group([{"CPU": 2}]).ready())
@ray.remote(num_cpus=1)
def works():
    time.sleep(1000)
task = works.remote()
print("holds", flush=True)
sys.stdin.read()
"""


def order(number: int) -> StartRequest:
    more = {"NCCL_SOCKET_IFNAME": "eth1", "DISTNET_SERVER": "another"}
    return StartRequest(
        f"distnet-test-1-{number}", "http://127.0.0.1:1", "secret-of-this-attempt", more
    )


def wait(is_so: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.1)


def begin(gateway: RayGateway, begun: StartRequest) -> None:
    """Begin an attempt as the server does: again and again, while Ray is still waking up."""

    def is_begun() -> bool:
        try:
            gateway.start(begun)
        except UnavailableError:
            return False
        return True

    wait(is_begun, "a Ray that begins attempts")


@pytest.fixture(scope="module")
def gateway(ray_head: RayHead) -> RayGateway:
    return RayGateway(ray_head.dashboard, entrypoint=WAITS)


@pytest.fixture
def holder(ray_head: RayHead) -> Iterator["subprocess.Popen[str]"]:
    """A driver that is not ours: an actor and a task of one CPU, and a group of two."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, ray_head.address],
        env=os.environ | ray_head.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert "holds" in holder.stdout.readline()
    yield holder
    holder.communicate()


def test_nodes_are_seen_with_what_they_have(gateway, ray_head):
    snapshot = gateway.snapshot()

    assert [(node.name, node.cpus, node.gpus) for node in snapshot.nodes] == [
        (host(0), 0, 0),
        (host(1), 4, 0),
    ]
    assert not any(node.is_draining for node in snapshot.nodes)
    assert len({node.id for node in snapshot.nodes}) == 2
    assert abs(time.time() - snapshot.seen_at) < 60
    assert gateway.snapshot().cluster == snapshot.cluster


def test_an_attempt_is_started_once_polled_killed_and_deleted(gateway):
    begun = order(1)
    assert gateway.status(begun.submission) is ProcessStatus.ABSENT

    begin(gateway, begun)
    begin(gateway, begun)
    wait(lambda: gateway.status(begun.submission) is ProcessStatus.RUNNING, "the attempt")
    gateway.delete(begun.submission)  # it runs, so that must wait
    assert gateway.status(begun.submission) is ProcessStatus.RUNNING
    gateway.kill(begun.submission)
    wait(lambda: gateway.status(begun.submission) is not ProcessStatus.RUNNING, "its end")
    gateway.snapshot()
    assert gateway.status(begun.submission) is ProcessStatus.ABSENT

    gateway.kill(begun.submission)
    gateway.delete(begun.submission)


def test_an_attempt_gets_its_secret_and_no_user_text(ray_head, tmp_path):
    code = "import json, os, sys; open(sys.argv[1], 'w').write(json.dumps(dict(os.environ))); 1 / 0"
    entrypoint = shlex.join(["python", "-c", code, str(tmp_path / "environment")])
    gateway = RayGateway(ray_head.dashboard, entrypoint=entrypoint)

    begin(gateway, order(2))
    wait(lambda: gateway.status(order(2).submission) is ProcessStatus.ENDED, "its end")

    found = json.loads((tmp_path / "environment").read_text())
    assert found["DISTNET_SERVER"] == order(2).server
    assert found["DISTNET_ATTEMPT_SECRET"] == order(2).secret
    assert found["NCCL_SOCKET_IFNAME"] == "eth1"
    assert found["RAY_ADDRESS"] == ray_head.address
    assert "ZeroDivisionError" in gateway.end_message(order(2).submission)
    assert gateway.end_message("distnet-test-9-9") == ""


def test_resources_of_other_programs_are_subtracted(ray_head, holder):
    def used_by_others() -> list[tuple[float, float]]:
        nodes = RayGateway(ray_head.dashboard).snapshot().nodes
        return [(node.cpus, node.others_cpus) for node in nodes]

    wait(lambda: used_by_others() == [(0, 0), (0, 4)], "what others use")  # the task starts late

    holder.communicate()
    wait(
        lambda: [n.cpus for n in RayGateway(ray_head.dashboard).snapshot().nodes] == [0, 4],
        "free CPUs",
    )


def test_resources_of_attempts_are_not_subtracted(ray_head, tmp_path):
    (tmp_path / "holds.py").write_text(
        HOLDS.replace("sys.stdin.read()", "import time; time.sleep(1000)")
    )
    entrypoint = shlex.join(["python", str(tmp_path / "holds.py"), "auto"])
    gateway = RayGateway(ray_head.dashboard, entrypoint=entrypoint)
    begin(gateway, order(3))
    wait(lambda: "holds" in gateway._client().get_job_logs(order(3).submission), "the attempt")

    assert [node.cpus for node in RayGateway(ray_head.dashboard).snapshot().nodes] == [0, 4]
    gateway.kill(order(3).submission)


def test_killing_an_attempt_leaves_no_process(ray_head, tmp_path):
    code = "import os, signal, sys, time; signal.signal(15, signal.SIG_IGN); "
    code += "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(1000)"
    entrypoint = shlex.join(["python", "-c", code, str(tmp_path / "pid")])
    gateway = RayGateway(ray_head.dashboard, entrypoint=entrypoint)
    begin(gateway, order(4))
    wait(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "the attempt")
    process = psutil.Process(int((tmp_path / "pid").read_text()))

    gateway.kill(order(4).submission)

    wait(lambda: not process.is_running(), "its end")


def everything_is_unavailable(gateway: RayGateway, match: str) -> None:
    for ask in (
        gateway.snapshot,
        lambda: gateway.start(order(5)),
        lambda: gateway.status("distnet-test-1-5"),
        lambda: gateway.kill("distnet-test-1-5"),
        lambda: gateway.delete("distnet-test-1-5"),
    ):
        with pytest.raises(UnavailableError, match=match):
            ask()


def test_a_wrong_token_is_reported(ray_head):
    gateway = RayGateway(ray_head.dashboard)
    gateway.snapshot()
    gateway._client()._headers["Authorization"] = "Bearer wrong"

    everything_is_unavailable(gateway, "Invalid authentication token")


def test_an_address_without_a_listener_is_unavailable():
    everything_is_unavailable(
        RayGateway(f"http://{host(0)}:{free_port(host(0))}"), "cannot reach the Ray cluster"
    )


def test_an_address_that_does_not_respond_is_unavailable_in_time(monkeypatch):
    monkeypatch.setattr("distnet.server.gateway.ray_jobs.RESPONSE_S", 0.3)
    with socket.create_server((host(0), 0)) as listener:
        gateway = RayGateway(f"http://{host(0)}:{listener.getsockname()[1]}")
        everything_is_unavailable(gateway, "cannot reach the Ray cluster")


@pytest.mark.parametrize("refusal", [(500, "x"), (503, "x"), (429, "x"), (302, "x")])
def test_errors_of_the_cluster_reveal_nothing_about_an_attempt(refusal):
    with serving(FakeServer(refusal=refusal)) as server:
        everything_is_unavailable(RayGateway(server.url), str(refusal[0]))


def test_something_else_than_ray_is_unavailable():
    with serving(FakeServer(refusal=(200, "not Ray"))) as server:
        gateway = RayGateway(server.url)
        with pytest.raises(UnavailableError, match="not Ray's"):
            gateway.snapshot()


@pytest.mark.check
def test_a_new_head_is_another_cluster_that_knows_nothing():
    with a_ray(1) as head:
        gateway = RayGateway(head.dashboard, entrypoint=WAITS)
        before = gateway.snapshot()
        begin(gateway, order(6))
        head.kill()
        everything_is_unavailable(gateway, "cannot reach the Ray cluster")
        head.start(cpus=2)
        after = gateway.snapshot()

        assert after.cluster != before.cluster
        assert [node.cpus for node in after.nodes] == [2]
        assert {n.id for n in after.nodes}.isdisjoint({n.id for n in before.nodes})
        assert gateway.status(order(6).submission) is ProcessStatus.ABSENT
