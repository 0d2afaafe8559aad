"""Numbers and times of requests: none is too large to be shown, or taken for another type."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from distnet.protocol.jobs import PriorityRequest, ResizeRequest
from distnet.protocol.numbers import LATEST
from distnet.report.text import NONE, local_time
from distnet.server.ledger import users
from distnet.server.ledger.attempts import save_attempts
from distnet.server.views.listing import JobFilter
from tests.server.harness import BOB, asks
from tests.server.http.api import Api, body
from tests.server.http.test_attempts import begin, reported

Schema = dict[str, Any]
BOUNDS = {"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}
WRONG = {
    "integer": (False, True, "1", 1.5, 2**70, -(2**70), 1e308),
    "number": (False, True, "1", 1e308, -1e308, 10**400),
    "boolean": (0, 1, "true", "no"),
}


def bodies(described: Schema) -> Iterator[tuple[str, Schema]]:
    """The schema of every body, by the path that takes it."""
    for path, verbs in described["paths"].items():
        for operation in verbs.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield path, resolved(content["schema"], described)


def resolved(schema: Schema, described: Schema) -> Schema:
    if "$ref" in schema:
        part = schema["$ref"].rpartition("/")[2]
        return resolved(described["components"]["schemas"][part], described)
    return schema


def leaves(schema: Schema, described: Schema, key: str = "") -> Iterator[tuple[str, Schema]]:
    """Every number and boolean in a schema, by its dotted key."""
    schema = resolved(schema, described)
    if schema.get("type") in WRONG:
        yield key, schema
    for one in schema.get("anyOf", ()):
        yield from leaves(one, described, key)
    for name, one in schema.get("properties", {}).items():
        yield from leaves(one, described, f"{key}.{name}".lstrip("."))
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from leaves(schema[name], described, f"{key}.*")


def test_every_number_of_every_request_has_bounds(api: Api) -> None:
    described = api.app.openapi()
    found = [
        (path, key, schema)
        for path, body_ in bodies(described)
        for key, schema in leaves(body_, described)
    ]
    found += [
        (path, parameter["name"], schema)
        for path, verbs in described["paths"].items()
        for operation in verbs.values()
        for parameter in operation.get("parameters", ())
        for _, schema in leaves(parameter["schema"], described)
    ]

    assert len(found) > 40
    for path, key, schema in found:
        is_bounded = all(schema.keys() & some for some in BOUNDS)
        assert is_bounded or schema["type"] == "boolean", f"{path}: {key}"


def test_no_value_is_taken_for_one_of_another_type(api: Api) -> None:
    """Each number and boolean at the top of a body, with what it is not."""
    described = api.app.openapi()
    secret, tried = begin(api), 0
    for path, schema in bodies(described):
        for key, leaf in leaves(schema, described):
            if "." in key:
                continue
            client = api.client(None, token=secret) if "attempt" in path else api.client("root")
            method = "PUT" if "teams" in path else "POST"
            where = path.format(job="hostile", name="vision", command="cancel", sha256="ab" * 32)
            for wrong in WRONG[leaf["type"]]:
                tried += 1
                response = client.request(
                    method,
                    where,
                    content=json.dumps({key: wrong}),
                    headers={"Content-Type": "application/json"},
                )
                assert response.status_code == 422, f"{path}: {key}={wrong!r}"
                assert f"body.{key}: found" in response.json()["error"]["message"]
    assert tried > 80


def test_a_time_beyond_all_calendars_is_refused(api: Api) -> None:
    for time in (1e308, LATEST + 1, -1.0):
        for path, sent in (
            ("/api/v1/tokens", {"expires_at": time}),
            ("/api/v1/jobs", {**body(), "at": time}),
            ("/api/v1/schedules", {"name": "n", "request": body(), "at": time}),
        ):
            response = api.client().post(path, json=sent)
            assert response.status_code == 422
            assert "expected a number of at" in response.json()["error"]["message"]
    assert api.client().post("/api/v1/tokens", json={"expires_at": LATEST}).status_code == 201
    assert local_time(LATEST) != NONE


@pytest.mark.parametrize("time", [1e308, -1e308, 1e15, float("nan"), float("inf")])
def test_a_time_that_no_calendar_has_is_shown_as_none(time: float) -> None:
    assert local_time(time) == NONE


def test_values_that_an_earlier_server_took_break_no_list(api: Api) -> None:
    secret = begin(api)
    reported(api.client(None, token=secret), used={"cpu_s": 5.0})
    api.token("vic")
    server = api.server
    with server.ledger.transaction() as tx:
        (token,) = (one for one in users.read_tokens(tx) if one.user == "vic")
        users.save_token(tx, replace(token, expires_at=1e308))
    job, attempt = server.mirror.jobs["digits-1"], server.mirror.attempts["digits-1"]
    odd = {
        "metrics": {"loss": 1e308, "x": float("nan")},
        "compared": {"split": "test", "value": 1e308},
        "loss": 1e308,
        "seconds_per_step": 1e308,
        "step": 1,
        "num_steps": 2**53,
    }
    server.mirror.jobs["digits-1"] = replace(job, progress=odd, not_before=1e308)
    changed = replace(attempt, used={"cpu_s": 1e308, "peak_bytes": 1e300})
    server.mirror.attempts["digits-1"] = changed
    with server.ledger.transaction() as tx:
        save_attempts(tx, [changed])

    for path in ("tokens", "jobs", "jobs/digits-1", "jobs/digits-1/why", "usage?by=job", "cluster"):
        assert api.client("root").get(f"/api/v1/{path}").status_code == 200, path
    assert api.client().get("/api/v1/jobs/digits-1").json()["job"]["seconds_left"] is None


def test_a_job_of_ages_leaves_the_start_of_others_unknown(api: Api) -> None:
    api.harness.submit(asks(workers=4, sets=("queue.expected=1e300",)), steps=1000)
    api.harness.run(2)
    api.harness.submit(asks(workers=4), user=BOB)
    api.harness.run(2)

    response = api.client("bob").get("/api/v1/jobs/digits-2/why").json()

    assert (response["starts_at"], response["error_s"]) == (None, None)
    assert len(api.server.jobs(JobFilter()).jobs) == 2


def test_numbers_are_strict_for_python_too() -> None:
    for kind, key in ((PriorityRequest, "priority"), (ResizeRequest, "workers")):
        with pytest.raises(ValueError, match="valid integer"):
            kind.model_validate({key: True})
