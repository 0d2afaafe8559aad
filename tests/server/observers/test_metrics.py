from prometheus_client.parser import text_string_to_metric_families

from distnet.server.observers.feed import Feed
from tests.server.http.api import Api, body


def figures(api: Api) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    response = api.client("vic").get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_the_metrics_show_the_queue_the_cluster_and_the_decisions(api: Api) -> None:
    metrics = api.app.state.metrics
    feed = Feed(api.harness.ledger, [metrics.count_event])
    for _ in range(6):
        api.client().post("/api/v1/jobs", json=body())
    api.harness.run(1)
    api.harness.cluster.fail("digits-1", "no", "user_error")
    api.harness.run(2)
    metrics.count_iteration(0.02)
    feed.catch_up()

    found = figures(api)

    def value(name: str, **labels: str) -> float:
        return found[name, frozenset(labels.items())]

    assert value("distnet_jobs", state="waiting") == 1
    assert value("distnet_jobs", state="running") == 4
    assert value("distnet_queue_length") == 1
    assert value("distnet_nodes") == 2
    assert value("distnet_cpus") == 4
    assert value("distnet_free_cpus") == 0
    assert value("distnet_cluster_reachable") == 1
    assert value("distnet_events_total", kind="submitted") == 6
    assert value("distnet_events_total", kind="started") == 5
    assert value("distnet_attempts_ended_total", end="failed") == 1
    assert value("distnet_round_seconds_count") == 1
    posted = {"method": "POST", "route": "/api/v1/jobs", "status": "201"}
    assert value("distnet_http_requests_total", **posted) == 6


def test_no_label_holds_what_a_caller_wrote(api: Api) -> None:
    client = api.client()
    client.get("/api/v1/jobs/written-by-me")
    client.get("/written-by-me")
    client.request("WRITTEN", "/api/v1/jobs")
    api.client(None).get("/api/v1/jobs/written-by-me")

    text = api.client("vic").get("/metrics").text

    assert "written" not in text.lower()
    assert 'route="/api/v1/jobs/{job}"' in text
    assert 'method="other"' in text
