"""No response reveals more than it should, whatever goes wrong."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from distnet.protocol.errors import UnavailableError
from tests.server.http.api import Api, body


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"key": "\\ud800 surrogate", "spec": "\\ud800"}', "application/json"),
        (b'{"key": "nul-nul-nul", "spec": "name: a\\u0000"}', "application/json"),
        (b'{"key": "nan-nan-nan", "spec": "name: a", "at": NaN}', "application/json"),
        (b'{"key": "inf-inf-inf", "spec": "name: a", "at": 1e999}', "application/json"),
        (b"key=aaaaaaaa&spec=b", "application/x-www-form-urlencoded"),
        (b"{}", "text/plain"),
        (b"", "application/json"),
        (b"null", "application/json"),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/tokens"])
def test_a_body_that_makes_no_sense_is_refused(
    api: Api, path: str, content: bytes, kind: str
) -> None:
    response = api.client().post(path, content=content, headers={"Content-Type": kind})

    if path == "/api/v1/tokens" and content == b"{}":
        assert kind == "text/plain"
    assert response.status_code in (400, 413, 422), response.text
    error = response.json()["error"]
    assert error["code"] in ("invalid", "bad_request", "bad_job_file", "too_large")
    assert "Traceback" not in response.text
    assert "/site-packages/" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "content", "text"),
    [
        ("POST", "/api/v1/tokens", {"job": 1}, "body.job: found an unknown key, expected"),
        (
            "POST",
            "/api/v1/jobs/a/resize",
            {"workers": "x"},
            "body.workers: found text 'x'",
        ),
        ("POST", "/api/v1/jobs/a/resize", {}, "body.workers: found nothing, expected a value"),
        ("GET", "/api/v1/jobs?state=x", None, "query.state: found text 'x', expected 'open', 'en"),
        ("GET", "/api/v1/jobs?limit=0", None, "query.limit: found text '0', expected a number of"),
    ],
)
def test_a_refusal_says_what_was_found_and_expected(
    api: Api, method: str, path: str, content: Any, text: str
) -> None:
    response = api.client().request(method, path, json=content)

    message = response.json()["error"]["message"]
    assert message.startswith(text)
    assert message.count("\n") == 0


def test_a_secret_in_a_refused_body_is_not_repeated(api: Api) -> None:
    response = api.client().post(
        "/api/v1/tokens", json={"note": 5, "hidden": {"password": "s3cret"}}
    )

    assert response.status_code == 422
    assert "s3cret" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("DELETE", "/api/v1/jobs", 405, "method_not_allowed"),
        ("PATCH", "/api/v1/jobs", 405, "method_not_allowed"),
        ("GET", "/api/v1/jobs/UPPER", 422, "invalid"),
        ("GET", "/api/v1/jobs/" + "a" * 64, 422, "invalid"),
        ("GET", "/api/v1/jobs/a%00b", 422, "invalid"),
        ("GET", "/api/v1/jobs/..%2f..%2fetc", 404, "not_found"),
        ("GET", "/api/v1/jobs/", 404, "not_found"),
        ("GET", "/docs", 404, "not_found"),
        ("GET", "/openapi.json", 404, "not_found"),
    ],
)
def test_an_unknown_path_is_refused_in_the_same_form(
    api: Api, method: str, path: str, status: int, code: str
) -> None:
    response = api.client().request(method, path)

    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def _breaks(error: Exception) -> Callable[..., Any]:
    def broken(*_: Any, **__: Any) -> Any:
        raise error

    return broken


def test_an_internal_error_is_reported_by_its_number_only(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(type(api.server), "cluster", _breaks(ZeroDivisionError("secret detail")))

    response = api.client().get("/api/v1/cluster")

    assert (response.status_code, response.json()["error"]["code"]) == (500, "internal")
    assert "secret detail" not in response.text
    assert "ZeroDivisionError" not in response.text
    number = response.json()["error"]["message"].split()[-1]
    assert number in caplog.text
    assert "secret detail" in caplog.text
    assert response.headers["x-content-type-options"] == "nosniff"
    assert api.client().get("/healthz").status_code == 200


def test_a_ledger_that_cannot_be_reached_is_not_the_callers_fault(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = api.client()
    client.get("/api/v1/whoami")
    gone = UnavailableError("the ledger cannot be reached")
    monkeypatch.setattr(type(api.harness.ledger), "transaction", _breaks(gone))

    response = client.post("/api/v1/jobs", json=body())

    assert (response.status_code, response.json()["error"]["code"]) == (503, "unavailable")


def test_the_description_needs_a_token_and_names_every_group(api: Api) -> None:
    assert api.client(None).get("/api/v1/openapi.json").status_code == 401

    described = api.client("vic").get("/api/v1/openapi.json").json()

    assert {"/api/v1/jobs", "/api/v1/cluster", "/api/v1/tokens", "/metrics"} <= set(
        described["paths"]
    )
    for path in ("/api/v1/jobs", "/api/v1/jobs/bulk", "/api/v1/schedules"):
        taken = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        assert '"sets"' in json.dumps(taken)
        assert "$ref" not in json.dumps(taken)
    assert "HTTPBearer" in json.dumps(described["components"]["securitySchemes"])


def test_every_route_says_what_it_may_refuse_and_in_which_form(api: Api) -> None:
    described = api.client("vic").get("/api/v1/openapi.json").json()

    assert "HTTPValidationError" not in json.dumps(described)
    refusal = described["components"]["schemas"]["Refusal"]
    assert refusal["properties"]["error"] == {"$ref": "#/components/schemas/Reason"}
    for path, verbs in described["paths"].items():
        for verb, operation in verbs.items():
            refusals = {code for code in operation["responses"] if code.startswith("4")}
            least = {"403", "422", "429"} | ({"401"} if path.startswith("/api/") else set())
            least |= {"400", "408", "413"} if verb in ("post", "put") else set()
            assert refusals >= least | ({"404"} if "{job}" in path else set()), (verb, path)
            for code in refusals:
                content = operation["responses"][code].get("content", {})
                schema = {"schema": {"$ref": "#/components/schemas/Refusal"}}
                assert content == ({} if verb == "head" else {"application/json": schema})


def test_the_page_says_when_it_is_there(api: Api) -> None:
    assert api.client(None).get("/healthz").json() == {"status": "ok"}
