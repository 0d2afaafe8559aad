"""Whatever is sent, the server responds in its one form, and never with a fault of its own."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distnet.data.manifest import Manifest
from distnet.data.shipped import find_dataset
from distnet.server.http.refusals import describe
from tests.server.harness import Harness
from tests.server.http.api import Api, body

WORDS = st.sampled_from(
    ["", "x", "digits", "digits-1", "digits-1:ok", "a\x00b", "\ud800", "ü", "-", "..", "1e999",
     "train.seed=1..3", "train.seed=1..", "train.seed=3..1", "=", "train.steps=[1,2]", "a=b=c",
     "train.seed=1..99999999999", "* * * * *", "0 0 30 2 *", "@daily", "*/0 * * * *", "UTC",
     "Europe/Berlin", "../etc/passwd", "open:1", "ended:99999999999999999999", "{}", "[" * 99]
)  # fmt: skip
NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "key", "spec", "file", "sets", "code", "name", "team", "priority", "workers", "after",
    "start_from", "sweep", "at", "hold", "cron", "tz", "overlap", "missed", "request", "user",
    "role", "note", "expires_at", "weight", "quota_cpus", "is_training", "step", "placement",
    "progress", "pieces", "exit", "jobs", "format", "fields", "splits", "import_summary", "path",
)  # fmt: skip
SHA = "ab" * 32
MNIST = find_dataset("mnist", folder=Path())
PATHS = (
    "/api/v1/jobs", "/api/v1/jobs/bulk", "/api/v1/schedules", "/api/v1/tokens",
    "/api/v1/teams/vision", "/api/v1/jobs/digits-1/resize", "/api/v1/jobs/digits-1/priority",
    "/api/v1/attempt/report", f"/api/v1/datasets/{SHA}/mount", f"/api/v1/datasets/{SHA}",
)  # fmt: skip
QUERIES = st.dictionaries(
    st.sampled_from(["state", "owner", "text", "limit", "after", "offset", "wait_s", "team"]),
    WORDS | NUMBERS.map(str),
    max_size=3,
)


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.check)]
)
def fuzzed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("fuzz")
    url = f"sqlite:///{folder}/ledger.db"
    if request.param == "postgresql":
        url = f"postgresql://postgres@/postgres?host={request.getfixturevalue('postgresql')}"
    with Harness(url, folder) as harness:
        api = Api(harness, wrong_per_s=1e9)
        assert api.client().post("/api/v1/jobs", json=body()).status_code == 201
        harness.run(1)
        yield api


def valid(path: str) -> dict[str, Any]:
    """A body that would be taken, to be spoilt."""
    if path.endswith("/mount"):
        return {"path": str(MNIST)}
    if "datasets" in path:
        manifest: dict[str, Any] = json.loads((MNIST / "manifest.json").read_text())
        return manifest
    if path == "/api/v1/schedules":
        return {"name": "nightly", "cron": "0 2 * * *", "request": body()}
    if path == "/api/v1/jobs/bulk":
        return {"jobs": [body()]}
    if path == "/api/v1/attempt/report":
        return {"is_training": True, "step": 1}
    return body() if path == "/api/v1/jobs" else {"name": "vision"} if "teams" in path else {}


FUZZ = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@FUZZ
@given(data=st.data())
def test_no_body_breaks_the_server(fuzzed: Api, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(PATHS))
    changes = data.draw(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3))
    sent = data.draw(st.sampled_from([{**valid(path), **changes}, changes.get("spec")]))
    if path == "/api/v1/schedules" and isinstance(sent, dict) and changes.keys() - {"request"}:
        inner = {key: value for key, value in changes.items() if key in valid("/api/v1/jobs")}
        sent = data.draw(st.sampled_from([sent, {**valid(path), "request": {**body(), **inner}}]))
    token = next(iter(fuzzed.harness.cluster.attempts.values())).request.secret
    client = fuzzed.client(None, token=token) if "attempt" in path else fuzzed.client("root")
    client.headers["Content-Type"] = "application/json"

    if path.endswith(SHA):
        with suppress(ValueError):
            path = path.replace(SHA, Manifest.model_validate(sent).sha256)

    response = client.request("PUT" if "teams" in path else "POST", path, content=json.dumps(sent))

    _check(response)
    _check_described(fuzzed, response)


@FUZZ
@given(query=QUERIES, name=WORDS)
def test_no_question_breaks_the_server(fuzzed: Api, query: dict[str, str], name: str) -> None:
    client = fuzzed.client("root")
    query = {key: value.encode(errors="replace").decode() for key, value in query.items()}
    query.pop("wait_s", None)
    part = name.encode(errors="replace").decode().replace("/", "%2f").replace("..", "%2e%2e")
    part = part.replace("\x00", "%00") or "x"
    for path in ("/api/v1/jobs", "/api/v1/events", f"/api/v1/jobs/{part}/streams/run"):
        _check(client.get(path, params=query))
    _check(client.get(f"/api/v1/jobs/{part}"))
    _check(client.get(f"/api/v1/datasets/{part}"))
    shard = f"/api/v1/datasets/{SHA}/shards/{part}"
    _check(client.put(shard, params=query, content=name.encode(errors="replace")))
    _check(client.delete(f"/api/v1/schedules/{part}"))
    _check(client.delete(f"/api/v1/tokens/{part}"))


def _check_described(api: Api, response: Any) -> None:
    """Whether the description of the API names the status of a response."""
    path, verb = response.request.url.path, response.request.method.lower()
    path = path.replace(SHA, "{sha256}").replace("digits-1", "{job}").replace("vision", "{name}")
    if "/datasets/" in path:
        path = "/api/v1/datasets/{sha256}" + ("/mount" if path.endswith("/mount") else "")
    responses = describe(api.app)["paths"][path][verb]["responses"]
    assert str(response.status_code) in {"200", "503", "507", *responses}, response.text


def _check(response: Any) -> None:
    assert response.status_code not in (500, 503), response.text
    assert "Traceback" not in response.text
    if response.status_code >= 400:
        assert set(response.json()["error"]) == {"code", "message"}
