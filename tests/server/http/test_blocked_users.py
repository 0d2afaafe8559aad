"""A blocked user: every request is refused, nothing new starts, what runs goes on."""

from typing import Any

import pytest

from distnet.protocol.schedules import ScheduleRequest
from tests.server.harness import ADA, BOB, asks
from tests.server.http.api import Api


def block(api: Api, user: str = "ada", **more: Any) -> dict[str, Any]:
    response = api.client("root").post(f"/api/v1/users/{user}/block", json=more)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def test_all_tokens_of_a_blocked_user_are_refused_at_once_with_the_reason(api: Api) -> None:
    clients = [api.client("ada"), api.client(token=api.token("ada", note="second"))]
    for client in clients:
        assert client.get("/api/v1/jobs").status_code == 200

    block(api, reason="left the lab")

    for client in clients:
        response = client.get("/api/v1/jobs")
        assert response.status_code == 403
        assert response.json()["error"] == {
            "code": "blocked",
            "message": "ada was blocked by root: left the lab; only an admin can end this",
        }
    assert api.client("bob").get("/api/v1/jobs").status_code == 200
    assert ("root", "ada blocked: left the lab") in api.events("user-blocked")


@pytest.mark.check
def test_a_token_that_was_never_used_is_refused_too_and_is_no_wrong_token(api: Api) -> None:
    token = api.token("ada")
    block(api)

    for _ in range(30):  # more than wrong tokens of an address may be
        assert api.client(None, token=token).get("/api/v1/jobs").status_code == 403
    assert api.client(None, token=token[:-4] + "aaaa").get("/api/v1/jobs").status_code == 401


@pytest.mark.check
def test_tokens_of_before_work_again_after_the_user_is_unblocked(api: Api) -> None:
    client = api.client("ada")
    block(api)
    assert client.get("/api/v1/whoami").status_code == 403

    response = api.client("root").post("/api/v1/users/ada/unblock")

    assert response.json()["user"]["blocked_at"] is None
    assert client.get("/api/v1/whoami").json()["user"] == "ada"
    assert api.events("user-unblocked") == [("root", "ada unblocked")]


def test_running_jobs_go_on_and_waiting_ones_are_held(api: Api) -> None:
    harness = api.harness
    harness.submit(asks(workers=4), asks(workers=4), steps=20)
    harness.run(3)
    harness.submit(asks(workers=4), user=BOB)

    done = block(api)

    assert (done["going_on"], done["held"]) == (["digits-1"], ["digits-2"])
    for _ in range(40):
        harness.run(1)
    states = {job.name: (job.state, job.reason) for job in harness.all_jobs()}
    assert states["digits-1"][0] == "finished"
    assert states["digits-2"] == ("held", "held by root")
    assert states["digits-3"][0] in ("running", "finished")
    unblocked = api.client("root").post("/api/v1/users/ada/unblock").json()
    assert unblocked["held"] == ["digits-2"]
    assert api.client("ada").post("/api/v1/jobs/digits-2/release").status_code == 200


@pytest.mark.check
def test_all_open_jobs_can_be_cancelled(api: Api) -> None:
    harness = api.harness
    harness.submit(asks(workers=4), asks(workers=4), steps=1000)
    harness.run(3)

    done = block(api, cancel=True)
    harness.run_until_all_ended()

    assert done["cancelled"] == ["digits-1", "digits-2"]
    assert {job.state for job in harness.all_jobs()} == {"cancelled"}


def test_schedules_of_a_blocked_user_submit_nothing_and_say_so(api: Api) -> None:
    harness, request = api.harness, asks()
    hourly = ScheduleRequest(name="hourly", request=request, cron="0 * * * *")
    harness.server.add_schedule(ADA, hourly)

    assert block(api)["paused"] == ["hourly"]
    harness.clock.pass_(3600)
    harness.run(2)

    [schedule] = api.client("bob").get("/api/v1/schedules").json()["schedules"]
    assert schedule["is_blocked"]
    assert harness.all_jobs() == []
    said = [text for _, text in api.events("schedule")]
    assert "schedule hourly: not submitted: its owner ada is blocked" in said
    api.client("root").post("/api/v1/users/ada/unblock")
    harness.clock.pass_(3600)
    harness.run(2)
    assert len(harness.all_jobs()) == 1


def test_nobody_blocks_their_own_user_or_one_that_does_not_exist(api: Api) -> None:
    own = api.client("root").post("/api/v1/users/root/block", json={})
    unknown = api.client("root").post("/api/v1/users/adaa/block", json={})

    assert (own.status_code, own.json()["error"]["code"]) == (409, "own_user")
    assert unknown.status_code == 404
    assert "did you mean ada?" in unknown.json()["error"]["message"]


@pytest.mark.check
def test_a_blocked_admin_does_not_count_as_one(api: Api) -> None:
    made = {"user": "eve", "role": "admin"}
    assert api.client("root").post("/api/v1/tokens", json=made).status_code == 201
    block(api, "eve")

    demoted = {"user": "root", "role": "viewer", "change_role": True}
    response = api.client("root").post("/api/v1/tokens", json=demoted)

    assert (response.status_code, response.json()["error"]["code"]) == (409, "last_admin")
