"""Who did what, and who was not allowed to, is in the event log under their name."""

import hashlib

import pytest

from tests.server.http.api import Api, body


@pytest.fixture
def api(each_api: Api) -> Api:
    return each_api


def test_every_change_is_written_down_with_its_users_name(api: Api) -> None:
    ada, root = api.client("ada"), api.client("root")
    data = b"an archive"
    sha = hashlib.sha256(data).hexdigest()
    schedule = {"name": "nightly", "cron": "0 2 * * *", "request": body()}
    ada.post("/api/v1/jobs", json=body())
    token = ada.post("/api/v1/tokens", json={}).json()["id"]
    changes = [
        (ada, "POST", "/api/v1/jobs", body()),
        (ada, "POST", "/api/v1/jobs/bulk", {"jobs": [body()]}),
        (ada, "POST", "/api/v1/jobs/digits-1/hold", {}),
        (ada, "POST", "/api/v1/jobs/digits-1/release", {}),
        (ada, "POST", "/api/v1/jobs/digits-1/priority", {"priority": 3}),
        (ada, "POST", "/api/v1/jobs/digits-1/resize", {"workers": 2}),
        (ada, "POST", "/api/v1/jobs/digits-1/stop", {}),
        (ada, "POST", "/api/v1/jobs/digits-1/retry", {}),
        (ada, "POST", "/api/v1/jobs/digits-1/cancel", {}),
        (ada, "POST", "/api/v1/schedules", schedule),
        (ada, "POST", "/api/v1/schedules/nightly/pause", {}),
        (ada, "POST", "/api/v1/schedules/nightly/resume", {}),
        (ada, "DELETE", "/api/v1/schedules/nightly", None),
        (ada, "POST", "/api/v1/tokens", {}),
        (ada, "DELETE", f"/api/v1/tokens/{token}", None),
        (root, "PUT", "/api/v1/teams/vision", {"name": "vision"}),
    ]
    for client, method, path, json in changes:
        before = len(api.server.events(limit=1000).events)
        response = client.request(method, path, json=json)
        assert response.status_code < 300, f"{method} {path}: {response.text}"
        new = api.server.events(limit=1000).events[before:]
        actor = "root" if client is root else "ada"
        assert actor in {event.actor for event in new}, f"{method} {path} is not in the log"
    assert ada.put(f"/api/v1/code/{sha}", content=data).status_code == 204
    assert api.events("code") == [("ada", f"files {sha[:12]} uploaded, 10 bytes")]


def test_refusals_are_written_down_with_the_users_name(api: Api) -> None:
    api.client("ada").post("/api/v1/jobs", json=body())

    api.client("bob").post("/api/v1/jobs/digits-1/cancel")
    api.client("vic").post("/api/v1/jobs", json=body())
    api.client(None).get("/api/v1/jobs")
    api.client(None, token="dn_nothing").get("/api/v1/jobs")
    api.client("root").get("/api/v1/jobs", headers={"Host": "evil.example"})

    denied = api.events("denied")
    assert [actor for actor, _ in denied] == ["bob", "vic", "(nobody)", "(nobody)", "(nobody)"]
    assert "POST '/api/v1/jobs/digits-1/cancel' from testclient: forbidden" in denied[0][1]
    assert "foreign_host" in denied[-1][1]


def test_no_secret_is_ever_written_down(api: Api) -> None:
    client = api.client("ada")
    made = client.post("/api/v1/tokens", json={}).json()["secret"]
    api.client(None, token=f"{made}x").get(f"/api/v1/jobs?token={made}")

    text = client.get("/api/v1/events").text

    assert made[16:] not in text
    assert made[3:15] in text


def test_a_flood_of_refusals_does_not_fill_the_log(api: Api) -> None:
    client = api.client("vic")
    for _ in range(100):
        assert client.post("/api/v1/jobs", json=body()).status_code == 403

    assert 1 <= len(api.events("denied")) < 60
