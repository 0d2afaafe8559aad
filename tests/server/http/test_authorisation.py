"""Every route of the live application, with every kind of caller who may not use it."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from distnet.protocol.users import TokenRequest
from tests.server.http.api import Api, body

PUBLIC = {("GET", "/"), ("GET", "/healthz"), ("GET", "/assets/{name}"), ("GET", "/reports/{link}")}
"""A link to a report is a secret of its own."""
OF_ATTEMPTS = {
    ("GET", "/api/v1/attempt"),
    ("GET", "/api/v1/attempt/code"),
    ("GET", "/api/v1/attempt/dataset"),
    ("GET", "/api/v1/attempt/dataset/{shard}"),
    ("POST", "/api/v1/attempt/report"),
    ("POST", "/api/v1/attempt/secret"),
}
ADMIN_ONLY = {
    ("GET", "/api/v1/users"),
    ("POST", "/api/v1/users/{name}/block"),
    ("POST", "/api/v1/users/{name}/unblock"),
    ("PUT", "/api/v1/teams/{name}"),
    ("POST", "/api/v1/nodes/drain"),
    ("POST", "/api/v1/nodes/resume"),
    ("POST", "/api/v1/reservations"),
    ("DELETE", "/api/v1/reservations/{name}"),
}
LEAST_ROUTES = 30
SHA = "ab" * 32
SCHEDULE = {"name": "nightly", "cron": "0 2 * * *"}
RESERVATION = {
    **{"name": "vision", "starts_at": 3e9, "ends_at": 4e9},
    **{"nodes": ["node-a"], "users": ["ada"]},
}
VERBS = ("cancel", "stop", "hold", "release", "retry")
IN_PATH = {
    "job": "digits-1",
    "name": "vision",
    "sweep": "rates",
    "stream": "run",
    "sha256": SHA,
    "shard": SHA,
    "id": "abcdefghijkl",
    "command": "cancel",
    "path": "job.yaml",
}


def routes(api: Api) -> list[tuple[str, str]]:
    """Method and path of everything that the application responds, as it says itself."""
    found = set()
    for context in iter_route_contexts(api.app.routes):
        for method in getattr(context, "methods", None) or ():
            found.add((method, context.path))
    described = api.app.openapi()["paths"]
    found |= {(method.upper(), path) for path, verbs in described.items() for method in verbs}
    return sorted(found)


def bodies() -> dict[str, Any]:
    request = body()
    return {
        "/api/v1/jobs": request,
        "/api/v1/jobs/bulk": {"jobs": [request]},
        "/api/v1/jobs/{job}/resize": {"workers": 1},
        "/api/v1/jobs/{job}/priority": {"priority": 1},
        "/api/v1/jobs/{job}/exec": {"argv": ["hostname"]},
        "/api/v1/jobs/{job}/stacks": {},
        "/api/v1/schedules": {**SCHEDULE, "request": body()},
        "/api/v1/tokens": {},
        "/api/v1/teams/{name}": {"name": "vision"},
        "/api/v1/datasets/{sha256}/mount": {"path": "/shared/photos"},
        "/api/v1/nodes/drain": {"nodes": ["node-a"], "reason": "disk"},
        "/api/v1/nodes/resume": {"nodes": ["node-a"]},
        "/api/v1/reservations": RESERVATION,
        "/api/v1/attempt/report": {"is_training": True},
        "/api/v1/attempt/secret": {"sha256": SHA},
    }


def call(client: TestClient, method: str, path: str) -> int:
    json = bodies().get(path, {} if method == "POST" else None)
    response = client.request(method, path.replace(":path", "").format(**IN_PATH), json=json)
    if method != "HEAD" and response.status_code >= 400:
        assert set(response.json()) == {"error"}
        assert set(response.json()["error"]) == {"code", "message"}
    assert "Traceback" not in response.text
    return response.status_code


def closed(api: Api) -> Iterator[tuple[str, str]]:
    """Routes that need a user."""
    return (route for route in routes(api) if route not in PUBLIC | OF_ATTEMPTS)


def test_the_routes_are_those_that_were_meant(api: Api) -> None:
    found = routes(api)

    assert len(found) >= LEAST_ROUTES
    assert set(found) >= PUBLIC | OF_ATTEMPTS | ADMIN_ONLY
    assert all(path.startswith("/api/v1/") or path == "/metrics" for _, path in closed(api))


@pytest.mark.parametrize("kind", ["none", "wrong", "revoked", "expired", "nonsense", "attempt"])
def test_no_route_opens_without_a_good_token(api: Api, kind: str) -> None:
    api.server.submit(*_ada_submits())
    token = _bad_token(api, kind)
    before = _state(api)

    for method, path in closed(api):
        api.app.middleware_stack = None  # fresh limits: here each call is to be refused by itself
        status = call(api.client(None, token=token), method, path)
        assert status == 401, f"{method} {path} responded {status} to a {kind} token"

    assert _state(api) == before


def test_wrong_secrets_open_nothing_of_an_attempt(api: Api) -> None:
    for secret in (None, "ab" * 32, api.token("root")):
        for method, path in sorted(OF_ATTEMPTS):
            assert call(api.client(None, token=secret), method, path) == 401


def test_a_viewer_changes_nothing(api: Api) -> None:
    api.server.submit(*_ada_submits())
    api.token("vic")
    before = _state(api)

    for method, path in closed(api):
        status = call(api.client("vic"), method, path)
        if method not in ("GET", "HEAD") or (method, path) in ADMIN_ONLY:
            assert status == 403, f"{method} {path} responded {status} to a viewer"
        else:
            assert status in (200, 404), f"{method} {path} responded {status} to a viewer"

    assert _state(api) == before


def test_a_submitter_controls_no_job_of_others(api: Api) -> None:
    api.server.submit(*_ada_submits())
    api.token("bob")
    before = _state(api)

    for method, path in closed(api):
        if "{job}" in path and method == "POST":
            verbs = VERBS if "{command}" in path else ("",)
            for verb in verbs:
                assert call(api.client("bob"), method, path.replace("{command}", verb)) == 403

    assert _state(api) == before


def test_a_submitter_does_nothing_that_admins_do(api: Api) -> None:
    client = api.client("ada")

    for method, path in ADMIN_ONLY:
        assert call(client, method, path) == 403
    for payload in ({"user": "bob"}, {"user": "eve"}, {"role": "admin"}, {"team": "speech"}):
        assert client.post("/api/v1/tokens", json=payload).status_code == 403
    theirs = api.users.make(None, TokenRequest(user="bob")).id
    assert client.delete(f"/api/v1/tokens/{theirs}").status_code == 403
    assert "eve" not in {user.name for user in api.users.users()}


def test_a_submitter_changes_no_schedule_of_others(api: Api) -> None:
    added = api.client("ada").post("/api/v1/schedules", json=bodies()["/api/v1/schedules"])
    assert added.status_code == 201

    for method, path in (("POST", "/pause"), ("POST", "/resume"), ("DELETE", "")):
        status = api.client("bob").request(method, f"/api/v1/schedules/nightly{path}").status_code
        assert status == 403
    assert api.client("root").delete("/api/v1/schedules/nightly").status_code == 204


def test_an_admin_may_do_everything(api: Api) -> None:
    api.server.submit(*_ada_submits())
    client = api.client("root")

    for method, path in closed(api):
        assert call(client, method, path) not in (401, 403), f"{method} {path}"


def test_paths_beside_the_public_ones_are_closed(api: Api) -> None:
    client = api.client(None)

    for path in ("/index.html", "/api", "/healthz/", "/api/v1/attempts", "/assetsx", "/docs", "/x"):
        assert client.get(path).status_code == 401, path
    for path in ("/assets/../api/v1/jobs", "/assets/%2e%2e/%2e%2e/settings.py", "/assets/"):
        assert client.get(path).status_code in (401, 404), path


def _ada_submits() -> tuple[Any, Any]:
    from tests.server.harness import ADA, asks

    return ADA, [asks()]


def _bad_token(api: Api, kind: str) -> str | None:
    if kind == "none":
        return None
    if kind == "wrong":
        good = api.token("root")
        return good[:-4] + ("aaaa" if not good.endswith("aaaa") else "bbbb")
    if kind == "nonsense":
        return "root"
    if kind == "attempt":
        api.harness.run(1)
        return next(iter(api.harness.cluster.attempts.values())).request.secret
    if kind == "expired":
        token = api.token("root", expires_at=api.clock() + 10)
        assert api.client(None, token=token).get("/api/v1/whoami").status_code == 200
        api.clock.pass_(11)
        return token
    token = api.token("root", note="to be revoked")
    assert api.client(None, token=token).get("/api/v1/whoami").status_code == 200
    assert api.client("root").delete(f"/api/v1/tokens/{token[3:15]}").status_code == 200
    return token


def _state(api: Api) -> tuple[Any, ...]:
    """Everything that a caller could have changed."""
    return (
        [(job.name, job.state, job.priority) for job in api.harness.all_jobs()],
        api.server.schedules(),
        api.server.teams(),
        api.server.cluster(),
        api.server.nodes.reservations(),
        api.users.users(),
        [token.id for token in api.users.tokens(_root(api))],
        api.server.has_code(SHA),
        api.server.datasets.all(),
    )


def _root(api: Api) -> Any:
    return api.authenticator.check(api.token("root"))
