"""Metrics for Prometheus: counters, and gauges that are read when Prometheus scrapes them.

Source: Prometheus, Metric and label naming. No label has a text of a user.
"""

import collections
from collections.abc import Callable, Iterator
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from starlette.types import Scope

from distnet.protocol.states import JobState
from distnet.server.ledger.records import EventRecord
from distnet.server.server import Server

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE"))
SECONDS = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2),
    *(0.35, 0.5, 1.0, 2.0, 5.0, 10.0),
)


class Metrics:
    """All metrics of one server."""

    def __init__(self, server: Server) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_Gauges(server))
        self._iteration_s = Histogram(
            "distnet_round_seconds",
            "Iterations of the loop of the server.",
            buckets=SECONDS,
            registry=self._registry,
        )
        self._events = Counter(
            "distnet_events", "Events of each kind.", ["kind"], registry=self._registry
        )
        self._attempts = Counter(
            "distnet_attempts_ended",
            "Attempts by how they ended.",
            ["end"],
            registry=self._registry,
        )
        self._requests = Counter(
            "distnet_http_requests",
            "Requests by method, route and status.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._connections = Gauge(
            "distnet_http_connections",
            "Open connections of users, attempts and of addresses without a token.",
            ["kind"],
            registry=self._registry,
        )
        self._refusals = Counter(
            "distnet_http_refused",
            "Requests and connections beyond a limit, by the code of the error.",
            ["code"],
            registry=self._registry,
        )
        self._request_s = Histogram(
            "distnet_http_request_seconds",
            "Time to respond, without requests that wait for logs.",
            ["route"],
            buckets=SECONDS,
            registry=self._registry,
        )

    def text(self) -> bytes:
        """Write all metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def watch_connections(self, counts: Callable[[], dict[str, int]]) -> None:
        """Show how many connections of each kind are open."""
        for kind in counts():
            self._connections.labels(kind).set_function(partial(_count_of, counts, kind))

    def count_iteration(self, seconds: float) -> None:
        """Count an iteration of the loop."""
        self._iteration_s.observe(seconds)

    def count_event(self, event: EventRecord) -> None:
        """Count an event: decisions of the scheduler are `started`, `preempt` and `resized`."""
        self._events.labels(event.kind).inc()
        if event.kind == "ended" and "end" in event.data:
            self._attempts.labels(str(event.data["end"])).inc()

    def count_refusal(self, code: str) -> None:
        """Count what was beyond a limit."""
        self._refusals.labels(code).inc()

    def count_request(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request; the route is its pattern, never its text."""
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = str(getattr(scope.get("route"), "path", "none"))
        self._requests.labels(method, route, str(status)).inc()
        if b"wait_s" not in scope.get("query_string", b""):
            self._request_s.labels(route).observe(seconds)


class _Gauges(Collector):
    """The state of the server at the time of the scrape."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def collect(self) -> Iterator[Metric]:
        mirror = self._server.mirror
        with mirror.lock:
            states = collections.Counter(job.state for job in mirror.jobs.values())
            num_queued, num_attempts = len(mirror.plan.queue), len(mirror.attempts)
        cluster = self._server.cluster()
        yield _labelled(
            "distnet_jobs", "Open jobs by state.", "state",
            {state: states[state] for state in JobState if not state.is_terminal},
        )  # fmt: skip
        yield _gauge("distnet_queue_length", "Jobs in the queue.", num_queued)
        yield _gauge("distnet_attempts", "Live attempts.", num_attempts)
        yield _gauge(
            "distnet_cluster_reachable", "Whether the cluster is reachable.", cluster.is_reachable
        )
        yield _gauge("distnet_nodes", "Nodes of the cluster.", len(cluster.nodes))
        for what in ("cpus", "gpus", "free_cpus", "free_gpus"):
            total = sum(getattr(node, what) for node in cluster.nodes)
            yield _gauge(f"distnet_{what}", f"{what} of all nodes.".replace("_", " "), total)


def _count_of(counts: Callable[[], dict[str, int]], kind: str) -> float:
    return counts()[kind]


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _labelled(name: str, text: str, label: str, values: dict[JobState, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([str(key)], value)
    return family
