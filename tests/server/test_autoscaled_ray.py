"""A server on a Ray without nodes: a job waits, Ray makes nodes, it trains, and they go away."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import distnet
from distnet.client.connection import Connection
from distnet.client.target import Target
from distnet.launch.ports import free_port
from distnet.launch.ray.node import LOOPBACK
from tests.server.autoscaled import ROOT, Autoscaled, autoscaled_ray
from tests.server.three_nodes import wait_until

pytestmark = [pytest.mark.ray, pytest.mark.check, pytest.mark.timeout(1200)]
JOB = ROOT / "jobs" / "digits.yaml"
IDLE_S = 6.0
GROUPS = {
    "small": {"resources": {"CPU": 1}, "labels": {"distnet.io/group": "small"}, "max_workers": 2},
    "large": {"resources": {"CPU": 8}, "labels": {"distnet.io/group": "large"}, "max_workers": 1},
}


class Site:
    """The Ray, and a server of it."""

    def __init__(self, ray: Autoscaled, folder: Path) -> None:
        self._folder, self._port = folder, free_port(LOOPBACK)
        own = {"DISTNET_CONFIG": f"{folder}/config", "XDG_STATE_HOME": f"{folder}/state"}
        self._environment = ray.environment | own
        self.log = folder / "server.log"
        self._words = ["server", "start", "--listen", f"{LOOPBACK}:{self._port}"]
        self._words += ["--ray", ray.dashboard, "--runs", f"{folder}/runs"]
        gcs = ray.node.address
        self._words += ["--autoscaling", str(ray.config), "--gcs", gcs]
        self.server = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the server, and wait until it responds."""
        with self.log.open("ab") as log:
            self.server = subprocess.Popen(
                self._command(*self._words),
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(lambda: self.run("whoami").returncode == 0, 60, self.server)
        return self.server

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run distnet as a user of this server."""
        own = {"DISTNET_SERVER": f"http://{LOOPBACK}:{self._port}"}
        return subprocess.run(
            self._command(*words),
            env=self._environment | own,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def json(self, *words: str) -> dict:
        """Run a command, and read what it prints."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, f"{words}: {done.stderr}{self.log.read_text()[-3000:]}"
        return json.loads(done.stdout)

    def job(self, name: str) -> dict:
        """A job as `ps` shows it."""
        (job,) = [job for job in self.json("ps", "--all")["jobs"] if job["name"] == name]
        return job

    def num_nodes(self) -> int:
        """The nodes of groups that Ray has."""
        return sum(group["num_nodes"] for group in self.get("cluster")["groups"])

    def get(self, path: str) -> dict:
        """What the page gets."""
        contexts = json.loads((self._folder / "config" / "contexts.json").read_text())
        (context,) = contexts["contexts"].values()
        return Connection(Target(context["server"], context["token"])).get(f"/api/v1/{path}")

    def end(self) -> None:
        """End the server."""
        self.server.terminate()
        self.server.wait(60)

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "distnet.cli", *words]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with autoscaled_ray(GROUPS, idle_s=IDLE_S) as ray:
        site = Site(ray, tmp_path_factory.mktemp("site"))
        yield site
        site.end()


def test_a_job_gets_its_nodes_trains_and_they_go_away(site: Site, tmp_path: Path) -> None:
    site.run("submit", str(JOB), "--workers", "2", "--name", "two")
    wait_until(lambda: site.job("two")["code"] == "adding-nodes", 60, site.server)
    assert site.job("two")["reason"].startswith("waiting for 2 more nodes of group small (")
    wait_until(lambda: site.job("two")["state"] == "finished", 600, site.server)
    (attempt,) = site.get("jobs/two")["attempts"]
    assert list(attempt["placement"].values()) == [1, 1], "on the small ones"
    expected = distnet.run(JOB, inline=True, runs=tmp_path)
    assert site.job("two")["weights_sha256"] == expected.result["weights_sha256"]
    wait_until(lambda: site.num_nodes() == 0, 120, site.server)


def test_a_server_that_was_killed_withdraws_what_it_had_requested(site: Site) -> None:
    site.run("submit", str(JOB), "--workers", "2", "--name", "gone", "--set", "train.epochs=999")
    wait_until(lambda: site.job("gone")["state"] == "running", 300, site.server)
    site.run("cancel", "gone")
    site.server.kill()
    site.server.wait()
    site.start()
    wait_until(lambda: site.num_nodes() == 0, 120, site.server)


def test_a_job_above_the_maximum_is_refused(site: Site) -> None:
    done = site.run("submit", str(JOB), "--workers", "4", "--set", "resources.cpus=4")
    assert done.returncode == 2
    assert "with all nodes that can be added, the cluster has capacity for 2" in done.stderr
    assert "group large has at most 1 node with 8 CPUs" in done.stderr
