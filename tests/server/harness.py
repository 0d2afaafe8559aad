"""A server in the test process: a real ledger, a cluster in memory, a clock that tests set."""

import itertools
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from distnet.protocol.errors import UnavailableError
from distnet.protocol.jobs import JobResponse
from distnet.protocol.submit import SubmitRequest
from distnet.scheduler.view import Node, Policy
from distnet.server.gateway.node_groups import NodeGroup
from distnet.server.ledger.records import Role, User
from distnet.server.ledger.users import save_user
from distnet.server.server import Server
from distnet.server.settings import Limits, Settings
from distnet.server.users.tokens import COST
from distnet.server.views.listing import JobFilter
from tests.server.fake_cluster import Clock, FakeCluster
from tests.server.quick_ledger import open_quickly

ADA = User("ada", Role.SUBMITTER, "vision", 0.0)
BOB = User("bob", Role.SUBMITTER, "speech", 0.0)
ROOT = User("root", Role.ADMIN, "ops", 0.0)
SPEC = """\
name: digits
network: {kind: mlp, hidden: [16]}
data: {source: mnist}
train: {steps: 10, slices: 4}
"""
NODES = (Node("node-a", 2, 0, "node-a"), Node("node-b", 2, 0, "node-b"))
_keys = itertools.count()


def asks(*, workers: int = 1, key: str | None = None, **more: object) -> SubmitRequest:
    """A submit request for the digits."""
    return SubmitRequest(
        key=key or f"test-key-{next(_keys)}",
        spec=SPEC,
        workers=workers,
        **more,  # type: ignore[arg-type]
    )


class Harness:
    """Users, a cluster of two nodes with two CPUs each, and the server.

    Within the context a hash of a token costs nothing.
    """

    def __init__(
        self,
        ledger_url: str,
        folder: Path,
        nodes: tuple[Node, ...] = NODES,
        groups: tuple[NodeGroup, ...] = (),
        *,
        body_bytes: int = Limits().body_bytes,
        dataset_bytes: int = Limits().dataset_bytes,
        checkpoints: str | None = None,
        **policy: object,
    ) -> None:
        self.url = ledger_url
        self.clock = Clock()
        self.cluster = FakeCluster(nodes, self.clock)
        self.settings = Settings(
            ledger=ledger_url,
            runs=folder / "runs",
            policy=Policy(**policy),  # type: ignore[arg-type]
            groups=groups,
            limits=Limits(body_bytes=body_bytes, dataset_bytes=dataset_bytes),
            checkpoints=checkpoints,
        )
        self._open()

    def __enter__(self) -> "Harness":
        self._cost = patch.dict(COST, n=2)
        self._cost.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._cost.stop()
        self.ledger.close()

    def _open(self) -> None:
        self.ledger = open_quickly(self.url)
        with self.ledger.transaction() as tx:
            for user in (ADA, BOB, ROOT):
                save_user(tx, user)
        self.server = Server(
            self.ledger, self.cluster, self.settings, self.clock, self.clock.monotonic
        )
        self.server.open()

    def restart(self) -> None:
        """Restart the server, as after a kill: nothing of its memory is kept."""
        self.ledger.close()
        self._open()

    def lose_ledger(self, nth: int = 1, *, is_done: bool = False) -> None:
        """Let the connection break once, at the n-th transaction from now: before it, or after."""
        real, left = self.ledger.transaction, [nth]

        @contextmanager
        def transaction(**more):  # type: ignore[no-untyped-def]
            left[0] -= 1
            if left[0] == 0 and not is_done:
                raise UnavailableError("the connection is lost")
            with real(**more) as tx:
                yield tx
            if left[0] == 0:
                raise UnavailableError("the connection is lost; whether it was done is unknown")

        self.ledger.transaction = transaction

    def submit(self, *requests: SubmitRequest, user: User = ADA, steps: int | None = None):
        """Submit; attempts train this number of steps."""
        if steps is not None:
            self.cluster.num_steps = steps
        return self.server.submit(user, requests)[0]

    def run(self, iterations: int, *, every_s: float = 1.0, steps: int = 1) -> None:
        """Let time pass: iterations of the server's loop, and steps of the attempts."""
        for _ in range(iterations):
            self.clock.pass_(every_s)
            self.server.tick()
            self.cluster.train(self.server, steps=steps)
            self.check()

    def run_until_all_ended(self, *, every_s: float = 1.0, steps: int = 1) -> None:
        for _ in range(3000):
            if not self.server.mirror.jobs:
                return
            self.run(1, every_s=every_s, steps=steps)
        states = [(job.name, job.state, job.reason) for job in self.open_jobs()]
        raise AssertionError(f"these never ended: {states}")

    def check(self) -> None:
        """Check what must hold at any time."""
        has = {node.id: node.cpus for node in self.cluster.nodes}
        for node, (cpus, _) in self.cluster.used().items():
            assert cpus <= has.get(node, 0), f"{node} has {has.get(node)} CPUs, {cpus} are used"

    def fail(self, job: str, error: str, failure: str) -> None:
        """Let the attempt of a job end with an error."""
        self.cluster.fail(job, error, failure)

    def job(self, name: str) -> JobResponse:
        return self.server.details(name).job

    def open_jobs(self) -> list[JobResponse]:
        return list(self.server.jobs(JobFilter(limit=1000)).jobs)

    def all_jobs(self) -> list[JobResponse]:
        jobs = self.server.jobs(JobFilter(state="all", limit=1000)).jobs
        return sorted(jobs, key=lambda job: job.number)

    def kinds(self, job: str) -> list[str]:
        """The kinds of events of a job."""
        return [event.kind for event in self.server.events(job=job).events]
