"""Bodies that are large and wrong cost little, and nobody else waits for them."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.server.http.api import Api, body
from tests.server.http.live import live
from tests.server.http.test_attempts import begin, said

SUBMIT = b'{"key":"kkkkkkkkkk","spec":"x",'
MB = 1_000_000
SLOW_S = 3.0
"""It was 70 s; how fast it is depends on what else the machine does."""


@contextmanager
def requested_meanwhile(address: str) -> Iterator[list[float]]:
    """Ask all the time whether the server is there; yields how long each response took."""
    times_s: list[float] = []
    is_over = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=address, timeout=120) as client:
            while not (times_s and is_over.wait(0.01)):
                began = time.monotonic()
                assert client.get("/healthz").status_code == 200
                times_s.append(time.monotonic() - began)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        yield times_s
    finally:
        is_over.set()
        asker.join()


@pytest.mark.parametrize(
    ("path", "begin_", "part", "end"),
    [
        ("jobs", SUBMIT + b'"sets":[', b"1,", b"1]}"),
        ("jobs", SUBMIT + b'"sets":[', b'"a=1",', b'""]}'),
        ("jobs", SUBMIT, b'"a":1,', b'"a":1}'),
        ("jobs/bulk", b'{"jobs":[', b"[],", b"1]}"),
        ("jobs/bulk", b'{"jobs":[{', b'"a":1,', b'"a":1}]}'),
        ("schedules", b'{"name":"n","request":' + SUBMIT + b'"after":[', b"1,", b"1]}}"),
        (f"datasets/{'ab' * 32}", b'{"splits":{"train":[', b"[],", b"1]}}"),
        (f"datasets/{'ab' * 32}/mount", b'{"path":[', b'"",', b'""]}'),
        ("attempt/report", b'{"is_training":true,"draining":[', b"1,", b"1]}"),
        ("attempt/report", b'{"is_training":true,"pieces":[', b"1,", b"1]}"),
        ("attempt/report", b'{"is_training":true,"progress":{', b'"a":[],', b'"a":[]}}'),
        ("attempt/report", b'{"is_training":true,"placement":{', b'"\\\\":[],', b'"a":[]}}'),
        ("attempt/report", b'{"is_training":true,"placement":{', b'"\\"', b'"a":[]}}'),
    ],
)
def test_a_body_with_a_million_faults_delays_no_other_request(
    api: Api, path: str, begin_: bytes, part: bytes, end: bytes
) -> None:
    path, most_bytes = f"/api/v1/{path}", 60 * MB if "bulk" in path else 7 * MB
    content = begin_ + part * (most_bytes // len(part)) + end
    token = begin(api) if "attempt" in path else api.token("ada")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with live(api) as address, requested_meanwhile(address) as times_s:
        response = httpx.post(address + path, content=content, headers=headers, timeout=120)

    assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid")
    assert len(response.content) < 5000
    assert max(times_s) < SLOW_S


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"draining": ["n"] * 10_001}, "draining"),
        ({"progress": {str(at): 1.0 for at in range(101)}}, "progress"),
        ({"progress": {"l" * 101: 1.0}}, "progress"),
        ({"placement": {str(at): 1 for at in range(10_001)}}, "placement"),
        ({"placement": {"n" * 201: 1}}, "placement"),
        ({"pieces": [{"stream": "run", "offset": 0, "text": ""}] * 1_001}, "pieces"),
    ],
)
def test_a_report_says_no_more_than_any_attempt_has_to_say(
    api: Api, more: dict[str, Any], key: str
) -> None:
    attempt = api.client(None, token=begin(api))

    response = attempt.post("/api/v1/attempt/report", json={**said(), **more})

    assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid")
    assert f"body.{key}" in response.json()["error"]["message"]


def test_a_report_of_a_thousand_nodes_is_taken(api: Api) -> None:
    attempt = api.client(None, token=begin(api))
    nodes = {f"{at:056x}": 8 for at in range(1000)}
    text = "\x1b" * 2**20  # six bytes each in JSON

    report = {**said(placement=nodes, draining=list(nodes)), "pieces": [_piece(text[:900_000])]}

    assert attempt.post("/api/v1/attempt/report", json=report).status_code == 200


def test_ten_thousand_jobs_are_taken_at_once(api: Api) -> None:
    jobs = [body(sets=["train.seed=1"] * 5, at=1e11) for _ in range(10_000)]

    response = api.client().post("/api/v1/jobs/bulk", json={"jobs": jobs})

    assert response.status_code == 201, response.text[:1000]


def test_a_submit_has_so_many_overrides_at_most(api: Api) -> None:
    for key, number in (("sets", 1001), ("sweep", 1001), ("after", 10_001)):
        response = api.client().post("/api/v1/jobs", json={**body(), key: ["a=1"] * number})

        assert response.status_code == 422
        assert response.json()["error"]["message"].startswith(
            f"body.{key}: found a list of {number}"
        )


def test_a_small_question_has_a_small_body(api: Api) -> None:
    keys = json.dumps({f"a{at}": 1 for at in range(2000)})
    for path in ("/api/v1/tokens", "/api/v1/jobs/digits-1/resize", "/api/v1/nothing"):
        response = api.client().post(
            path, content=keys, headers={"Content-Type": "application/json"}
        )

        assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


def test_only_json_is_read(api: Api) -> None:
    content = json.dumps({"jobs": [body()]})
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        headers = {"Content-Type": kind}
        response = api.client().post("/api/v1/jobs/bulk", content=content, headers=headers)

        assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid")


def _piece(text: str) -> dict[str, Any]:
    return {"stream": "run", "offset": 0, "text": text}
