"""A whole server with its page, on a real socket, and what its jobs write."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distnet.protocol.attempt import Report
from distnet.protocol.metrics import Compared, Headline
from distnet.spec.metric import Metric
from tests.server.fake_cluster import FakeAttempt, piece
from tests.server.harness import Harness
from tests.server.http.api import Api
from tests.server.http.live import live


class Site:
    """A server at an address; its jobs train when the test says so."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.harness = api.harness
        self.address = ""
        self._ends: dict[tuple[str, str], int] = {}
        self.start()

    def start(self) -> None:
        """Listen: at a free port, or where it was before."""
        self._live = live(Api(self.harness), int(self.address.rpartition(":")[2] or 0))
        self.address = self._live.__enter__()

    def stop(self) -> None:
        """Listen no more."""
        self._live.__exit__(None, None, None)

    def attempt(self, job: str) -> FakeAttempt:
        """The attempt of a job that lives."""
        attempts = self.harness.cluster.attempts.values()
        (found,) = (a for a in attempts if a.job == job and a.is_alive)
        return found

    def write(self, job: str, stream: str, text: str) -> None:
        """Let the attempt of a job write into one of its streams."""
        begin = self._ends.get((job, stream), 0)
        attempt = self.attempt(job)
        said = Report(is_training=True, step=attempt.step, pieces=(piece(stream, begin, text),))
        orders = self.harness.server.report(attempt.request.secret, said)
        self._ends[job, stream] = orders.offsets[stream]

    def progress(self, job: str, **progress: float) -> None:
        """Let the attempt of a job report rates of its training."""
        self._report(job, progress=progress)

    def evaluate(self, job: str, metric: Metric, **values: float) -> None:
        """Let the attempt of a job report an evaluation on the test split."""
        compared = Compared(split="test", value=values[metric.name])
        headline = Headline.of(metric)
        self._report(job, headline=headline, split="test", metrics=values, compared=compared)

    def _report(self, job: str, **facts: Any) -> None:
        attempt = self.attempt(job)
        report = Report(is_training=True, step=attempt.step, num_steps=100, **facts)
        self.harness.server.report(attempt.request.secret, report)

    def learn(self, job: str, *, first: int, last: int) -> None:
        """Let the attempt of a job write the metrics of some steps."""
        self.record(job, *(_step(step) for step in range(first, last + 1)))

    def record(self, job: str, *records: dict[str, object]) -> None:
        """Let the attempt of a job write lines of metrics."""
        self.write(job, "metrics", "".join(json.dumps(record) + "\n" for record in records))


@contextmanager
def open_site(folder: Path) -> Iterator[Site]:
    """Serve a new server, with nothing in it; its clock begins at the real time."""
    with Harness(f"sqlite:///{folder}/ledger.db", folder) as harness:
        harness.clock.now = time.time()
        harness.cluster.num_steps = 100
        site = Site(Api(harness))
        try:
            yield site
        finally:
            site.stop()


def _step(step: int) -> dict[str, object]:
    return {
        "kind": "step",
        "attempt": 1,
        "step": step,
        "epoch": 1,
        "loss": 2.0 / (1 + step / 40),
        "accuracy": 1 - 0.9 / (1 + step / 40),
        "learning_rate": 0.1,
        "gradient_norm": 1.0,
        "samples_per_second": 1000.0,
        "seconds": step / 10,
    }
