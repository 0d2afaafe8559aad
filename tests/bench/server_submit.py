"""How fast a server accepts submits, lists jobs and schedules, with 10,000 jobs in its queue.

    python -m tests.bench.server_submit [--jobs 10000] [--one-by-one 2000] [--kills 20]
        [--nodes 50] [--ledger postgresql://USER@HOST/EMPTY_DATABASE]

The server is a separate process behind real HTTP, with its ledger on disk. Only the cluster is in
memory; its nodes are full, so that most jobs wait. The trials of the sweep differ in their seed;
the command that submits them is timed with its start, and has a ledger of its own. The goals: 200
durable submits a second one by one, 2,000 in bulk, 6,500 trials of a sweep, iterations of the loop
p99 100 ms, a page of `ps` p99 200 ms, a start in 3 s, 400 MB of memory, and no acknowledged job is
lost when the server is killed in the middle.
"""

import argparse
import http.client
import itertools
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from distnet.scheduler.view import Node
from distnet.server.gateway.gateway import ProcessStatus, Snapshot, StartRequest
from distnet.server.settings import Settings

SPEC = """\
name: digits
network: {kind: mlp, hidden: [16]}
data: {source: mnist}
train: {steps: 10, slices: 4}
"""
PAGES = 300


class StillCluster:
    """Nodes of 8 CPUs on which every attempt starts, and none reports."""

    def __init__(self, num_nodes: int = 50) -> None:
        self._nodes = tuple(Node(f"node-{n}", 8, 0, f"node-{n}") for n in range(num_nodes))

    def snapshot(self) -> Snapshot:
        return Snapshot("still", self._nodes, time.time())

    def start(self, request: StartRequest) -> None:
        return

    def status(self, submission: str) -> ProcessStatus:
        return ProcessStatus.PENDING

    def scale(self, nodes: Mapping[str, int]) -> Mapping[str, str]:
        return {}

    def end_message(self, submission: str) -> str:
        return ""

    def kill(self, submission: str) -> None:
        return

    def delete(self, submission: str) -> None:
        return


def serve(ledger: str, folder: str, num_nodes: str) -> None:
    """Run the server that is measured."""
    from distnet.server.start import Started
    from distnet.server.start import serve as run

    def on_start(started: Started) -> None:
        facts = {"address": started.address, "token": started.token}
        print(json.dumps(facts), flush=True)  # noqa: T201

    run(
        Settings(ledger=ledger, runs=Path(folder), address=""),
        StillCluster(int(num_nodes)),
        port=0,
        on_start=on_start,
    )


@dataclass
class Server:
    """A server process, and one connection to it."""

    process: "subprocess.Popen[str]"
    address: str
    token: str
    start_s: float

    def __post_init__(self) -> None:
        self._http = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=600)

    def request(self, method: str, path: str, value: object = None) -> tuple[int, bytes]:
        """Send a request over the open connection."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if value is None else json.dumps(value).encode()
        self._http.request(method, path, body=data, headers=headers)
        response = self._http.getresponse()
        return response.status, response.read()

    def rss_mb(self) -> float:
        """Memory of the process."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1e6


@dataclass(frozen=True)
class Place:
    """Where a server is started."""

    ledger: str
    folder: Path
    num_nodes: int


@contextmanager
def started(place: Place, token: str | None = None) -> Iterator[Server]:
    """Start the server; it is killed at the end."""
    began = time.monotonic()
    where = (place.ledger, str(place.folder), str(place.num_nodes))
    command = [sys.executable, "-m", "tests.bench.server_submit", "--serve", *where]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            facts = json.loads(process.stdout.readline())
            start_s = time.monotonic() - began
            yield Server(process, facts["address"], token or facts["token"], start_s)
        finally:
            process.kill()


def submit_request(keys: Iterator[int], mark: str) -> dict[str, Any]:
    """A submit request with a new key."""
    return {"key": f"bench-{mark}-{next(keys)}", "spec": SPEC, "workers": 1}


def one_by_one(server: Server, count: int, mark: str) -> float:
    """Submits a second, each after the response to the one before: the median of five runs."""
    return statistics.median(_submits(server, count // 5, f"{mark}-{time}") for time in range(5))


def _submits(server: Server, count: int, mark: str) -> float:
    keys = itertools.count()
    began = time.monotonic()
    for _ in range(count):
        status, _ = server.request("POST", "/api/v1/jobs", submit_request(keys, mark))
        assert status == 201, status
    return count / (time.monotonic() - began)


def in_bulk(server: Server, count: int) -> float:
    """Submits a second, all in one request."""
    keys = itertools.count()
    jobs = [submit_request(keys, "bulk") for _ in range(count)]
    began = time.monotonic()
    status, body = server.request("POST", "/api/v1/jobs/bulk", {"jobs": jobs})
    assert status == 201, body[:500]
    return count / (time.monotonic() - began)


def in_a_sweep(folder: Path, num_nodes: int, count: int) -> tuple[float, float]:
    """Trials a second of `distnet submit --sweep`, and of its request alone."""
    (folder / "job.yaml").write_text(SPEC)
    sweep = f"train.seed=1..{count}"
    with started(Place(f"sqlite:///{folder}/sweep.db", folder, num_nodes)) as server:
        job = {**submit_request(itertools.count(), "sweep"), "sweep": [sweep]}
        began = time.monotonic()
        status, body = server.request("POST", "/api/v1/jobs", job)
        request_s = time.monotonic() - began
        assert status == 201, body[:500]
        command = ["submit", str(folder / "job.yaml"), "--sweep", sweep, "--json"]
        environment = {"DISTNET_SERVER": server.address, "DISTNET_TOKEN": server.token}
        began = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "distnet.cli", *command],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return count / (time.monotonic() - began), count / request_s


def pages(server: Server) -> list[float]:
    """Seconds of each of some hundred pages of `ps`, sorted."""
    times = []
    for _ in range(PAGES):
        began = time.monotonic()
        status, _ = server.request("GET", "/api/v1/jobs?limit=100")
        times.append(time.monotonic() - began)
        assert status == 200
    return sorted(times)


def iteration_ms(before: dict[float, float], after: dict[float, float], part: float) -> float:
    """The bucket below which a part of the iterations is, between two readings of the histogram."""
    counts = {bound: after[bound] - before.get(bound, 0.0) for bound in sorted(after)}
    total = max(counts.values())
    return next(1000 * bound for bound, count in counts.items() if count >= part * total)


def iterations(server: Server) -> dict[float, float]:
    """The histogram of the loop: iterations by their longest duration in seconds."""
    text = server.request("GET", "/metrics")[1].decode()
    prefix = 'distnet_round_seconds_bucket{le="'
    lines = [line for line in text.splitlines() if line.startswith(prefix)]
    parts = [line.removeprefix(prefix).split('"} ') for line in lines]
    return {float(bound): float(count) for bound, count in parts}


def keep_scheduling(server: Server, seconds: float) -> None:
    """Submit jobs all the time: without a change the loop does not schedule."""
    keys = itertools.count()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert server.request("POST", "/api/v1/jobs", submit_request(keys, "new"))[0] == 201
        time.sleep(0.05)


def killed(place: Place, token: str, seed: int) -> tuple[int, int]:
    """Kill a server during submits; returns how many it acknowledged, and how many were lost."""
    acknowledged: list[str] = []
    keys = itertools.count()
    mark = f"kill-{seed}"
    with started(place, token) as server:
        after_s = random.Random(seed).uniform(0.3, 1.5)
        threading.Timer(after_s, server.process.send_signal, (signal.SIGKILL,)).start()
        with suppress(OSError, http.client.HTTPException):
            while True:
                status, body = server.request("POST", "/api/v1/jobs", submit_request(keys, mark))
                assert status == 201, body
                acknowledged.append(json.loads(body)["jobs"][0]["name"])
    with started(place, token) as server:
        lost = sum(server.request("GET", f"/api/v1/jobs/{name}")[0] != 200 for name in acknowledged)
        again = iter(range(len(acknowledged)))
        for name in acknowledged:  # sent again, each is the same job
            status, body = server.request("POST", "/api/v1/jobs", submit_request(again, mark))
            lost += status != 200 or json.loads(body)["jobs"][0]["name"] != name
    return len(acknowledged), lost


def measure(place: Place, arguments: argparse.Namespace) -> None:
    """Measure, and print the results."""

    def say(what: str, value: str) -> None:
        print(f"{what:<44} {value}", flush=True)  # noqa: T201

    with started(place) as server:
        token = server.token
        say("start, empty ledger", f"{server.start_s:.2f} s")
        say("submits one by one", f"{one_by_one(server, arguments.one_by_one, 'first'):,.0f}/s")
        say("submits in bulk", f"{in_bulk(server, arguments.jobs):,.0f}/s")
    command, request = in_a_sweep(place.folder, place.num_nodes, arguments.jobs)
    say("trials of a sweep, command; request alone", f"{command:,.0f}/s, {request:,.0f}/s")
    with started(place, token) as server:
        say(
            f"start, {arguments.jobs + arguments.one_by_one:,} open jobs", f"{server.start_s:.2f} s"
        )
        times = pages(server)
        median, p99 = statistics.median(times), times[int(0.99 * len(times))]
        say("page of ps, median and p99", f"{median * 1000:.0f} ms, {p99 * 1000:.0f} ms")
        before = iterations(server)
        keep_scheduling(server, arguments.scheduling_s)
        after = iterations(server)
        median, p99 = (iteration_ms(before, after, part) for part in (0.5, 0.99))
        say("iteration of the loop, median and p99 below", f"{median:g} ms, {p99:g} ms")
        say("submits one by one, into that queue", f"{one_by_one(server, 1500, 'later'):,.0f}/s")
        say("memory", f"{server.rss_mb():.0f} MB")
    results = [killed(place, token, seed) for seed in range(arguments.kills)]
    acknowledged, lost = (sum(column) for column in zip(*results, strict=True))
    say(f"killed in the middle, {arguments.kills} times", f"{lost} of {acknowledged:,} lost")


def main() -> None:
    """Measure, or run the server that is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--one-by-one", type=int, default=2_000)
    parser.add_argument("--scheduling-s", type=float, default=60.0)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--ledger")
    parser.add_argument("--serve", nargs=3, metavar=("LEDGER", "DIR", "NODES"))
    arguments = parser.parse_args()
    if arguments.serve:
        serve(*arguments.serve)
        return
    with tempfile.TemporaryDirectory() as folder:
        ledger = arguments.ledger or f"sqlite:///{folder}/ledger.db"
        measure(Place(ledger, Path(folder), arguments.nodes), arguments)


if __name__ == "__main__":
    main()
