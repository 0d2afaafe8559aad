"""What attempts ask over HTTP, and users who follow their logs."""

import asyncio
import hashlib
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from starlette.types import Message

from distnet.protocol.attempt import Report
from distnet.protocol.jobs import StreamResponse
from distnet.protocol.versions import HEADER, own_version
from distnet.server.http.log_followers import Follower, LogFollowers
from tests.server.fake_cluster import piece
from tests.server.http.api import Api, body
from tests.server.http.live import live


def begin(api: Api) -> str:
    """Submit a job; returns the secret of its attempt."""
    assert api.client().post("/api/v1/jobs", json=body()).status_code == 201
    api.harness.clock.pass_(1)
    api.server.tick()
    (attempt,) = api.harness.cluster.attempts.values()
    return attempt.request.secret


def said(**more: Any) -> dict[str, Any]:
    return Report(is_training=True, step=1, num_steps=10, **more).model_dump(mode="json")


def reported(client: TestClient, **more: Any) -> dict[str, Any]:
    response = client.post("/api/v1/attempt/report", json=said(**more))
    assert response.status_code == 200, response.text
    orders: dict[str, Any] = response.json()
    return orders


def test_an_attempt_learns_its_task_and_gets_orders(api: Api) -> None:
    attempt = api.client(None, token=begin(api))

    got = attempt.get("/api/v1/attempt")
    task = got.json()
    assert got.headers[HEADER] == own_version(), "nodes must have the same"
    assert (task["job"], task["attempt"], task["runs"]) == (
        "digits-1", 1, str(api.harness.settings.runs),
    )  # fmt: skip
    assert reported(attempt)["stop"] is None
    api.client().post("/api/v1/jobs/digits-1/stop")
    assert reported(attempt)["stop"] == "stop"
    assert api.client().get("/api/v1/jobs/digits-1").json()["job"]["state"] == "stopping"


def test_the_secret_that_ray_has_seen_is_good_for_one_exchange(api: Api) -> None:
    first, own, other = begin(api), "known-to-the-agent", "of-somebody-else"

    def exchange(with_: str, made: str) -> int:
        sent = {"sha256": hashlib.sha256(made.encode()).hexdigest()}
        client = api.client(None, token=with_)
        return client.post("/api/v1/attempt/secret", json=sent).status_code

    def status(secret: str) -> int:
        return api.client(None, token=secret).get("/api/v1/attempt").status_code

    assert status(first) == 200
    assert [exchange(first, own) for _ in range(2)] == [204, 204], "the response may be lost"
    assert (status(first), status(own), status(other)) == (401, 200, 401)
    assert exchange(first, other) == 401
    assert exchange(own, other) == 401
    (noted,) = api.events("secret")
    assert noted == ("attempt", "the first secret of attempt 1 of digits-1 was used a second time")

    api.harness.restart()  # it starts the attempt again, with the same secret
    api = Api(api.harness)
    assert (status(own), status(first), exchange(first, own)) == (200, 401, 204)
    reported(
        api.client(None, token=own), exit={"end": "failed", "error": "no", "failure": "user_error"}
    )
    assert exchange(first, own) == 401
    with api.harness.ledger.reading() as tx:
        kept = tx.exec_driver_sql("SELECT token_sha256 FROM attempts").scalars().all()
    assert kept == [hashlib.sha256(own.encode()).hexdigest()]


def test_an_attempt_that_has_ended_is_refused(api: Api) -> None:
    attempt = api.client(None, token=begin(api))
    reported(attempt, exit={"end": "failed", "error": "no", "failure": "user_error"})

    late = attempt.post("/api/v1/attempt/report", json=said())

    assert (late.status_code, late.json()["error"]["code"]) == (409, "stale_attempt")


def test_the_exit_record_may_be_sent_twice(api: Api) -> None:
    attempt = api.client(None, token=begin(api))
    for _ in range(2):
        reported(attempt, exit={"end": "failed", "error": "no", "failure": "user_error"})


def test_an_attempt_gets_the_files_of_its_job(api: Api) -> None:
    data = b"an archive"
    sha = hashlib.sha256(data).hexdigest()
    api.client().put(f"/api/v1/code/{sha}", content=data)
    assert api.client().post("/api/v1/jobs", json=body(code=sha)).status_code == 201
    api.harness.clock.pass_(1)
    api.server.tick()
    (running,) = api.harness.cluster.attempts.values()

    response = api.client(None, token=running.request.secret).get("/api/v1/attempt/code")

    assert response.content == data
    assert response.headers["content-type"] == "application/octet-stream"


def test_a_report_that_is_none_is_refused(api: Api) -> None:
    attempt = api.client(None, token=begin(api))
    for wrong in ({"is_training": "perhaps"}, {"is_training": True, "exit": {"end": "lost"}}, []):
        response = attempt.post("/api/v1/attempt/report", json=wrong)
        assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid")


def test_logs_are_read_from_any_offset(api: Api) -> None:
    attempt, user = api.client(None, token=begin(api)), api.client("vic")
    text = "grün 1\ngrün 2\n"

    offsets = reported(attempt, pieces=[piece("run", 0, text)])["offsets"]
    assert offsets == {"run": len(text.encode())}
    reported(attempt, pieces=[piece("run", 0, text)])  # sent again

    whole = user.get("/api/v1/jobs/digits-1/streams/run").json()
    part = user.get("/api/v1/jobs/digits-1/streams/run", params={"offset": 8}).json()
    assert whole["text"] == text
    assert (whole["next"], whole["is_complete"]) == (len(text.encode()), False)
    assert part["text"] == "grün 2\n"
    assert user.get("/api/v1/jobs/digits-1").json()["streams"] == ["run"]
    assert user.get("/api/v1/jobs/digits-1/streams/RUN").status_code == 422
    assert user.get("/api/v1/jobs/nothing-1/streams/run").status_code == 404
    late = {"wait_s": "nan"}
    assert user.get("/api/v1/jobs/digits-1/streams/run", params=late).status_code == 422


def test_a_log_is_complete_when_its_job_has_ended(api: Api) -> None:
    attempt, user = api.client(None, token=begin(api)), api.client("vic")
    reported(attempt, pieces=[piece("run", 0, "end\n")])
    reported(attempt, exit={"end": "failed", "error": "no", "failure": "user_error"})

    response = user.get("/api/v1/jobs/digits-1/streams/run", params={"wait_s": 30}).json()

    assert (response["text"], response["is_complete"]) == ("end\n", True)


@pytest.mark.timeout(35)
def test_followers_are_woken_by_news_and_hold_no_thread(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More followers than the pool has threads, and the server responds others meanwhile."""
    monkeypatch.setattr("distnet.server.http.log_followers.LOOK_EVERY_S", 1000.0)
    secret = begin(api)
    num_followers = 60  # the pool has 40 threads
    with live(api) as address:
        user = {"Authorization": f"Bearer {api.token('vic')}"}
        attempt = {"Authorization": f"Bearer {secret}"}
        texts: list[str] = []

        def follow() -> None:
            with httpx.Client(base_url=address, headers=user, timeout=50) as client:
                query = {"wait_s": 40}
                response = client.get("/api/v1/jobs/digits-1/streams/run", params=query)
                texts.append(response.json()["text"])

        followers = [threading.Thread(target=follow) for _ in range(num_followers)]
        for follower in followers:
            follower.start()
        with httpx.Client(base_url=address, timeout=50) as client:
            while api.app.state.followers.num_waiting < num_followers:
                assert client.get("/api/v1/jobs", headers=user).status_code == 200
            report = said(pieces=[piece("run", 0, "news\n")])
            client.post("/api/v1/attempt/report", json=report, headers=attempt)
        for follower in followers:
            follower.join()

    assert texts == ["news\n"] * num_followers


@pytest.mark.timeout(60)
def test_a_server_that_ends_lets_its_followers_go(api: Api) -> None:
    begin(api)
    responses: list[httpx.Response] = []
    with live(api) as address:
        user = {"Authorization": f"Bearer {api.token('vic')}"}

        def follow() -> None:
            query = {"wait_s": 50}
            where = f"{address}/api/v1/jobs/digits-1/streams/run"
            responses.append(httpx.get(where, params=query, headers=user, timeout=55))

        follower = threading.Thread(target=follow)
        follower.start()
        while not api.app.state.followers.num_waiting:
            time.sleep(0.01)
    follower.join()

    assert [response.status_code for response in responses] == [200]


def stream(text: str) -> StreamResponse:
    size = len(text)
    return StreamResponse(text=text, offset=0, next=size, end=size, is_complete=False)


def follower(job: str, read: Callable[[], Awaitable[StreamResponse]]) -> Follower:
    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    return Follower(
        job=job,
        user="ada",
        read=read,
        is_open=lambda: True,
        receive=receive,
        rest=lambda: None,
    )


def test_nothing_is_kept_of_followers_that_have_left() -> None:
    async def check() -> None:
        followers = LogFollowers(100)

        async def read() -> StreamResponse:
            return stream("")

        await asyncio.gather(
            *(followers.follow(follower(f"job-{at}", read), wait_s=0.01) for at in range(50)),
            *(followers.follow(follower("job-0", read), wait_s=0.01) for _ in range(5)),
        )
        assert followers.num_waiting == 0
        kept = [value for value in vars(followers).values() if hasattr(value, "__len__")]
        assert kept
        assert not any(kept)

    asyncio.run(check())


@pytest.mark.timeout(30)
def test_news_that_come_while_a_log_is_read_are_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distnet.server.http.log_followers.LOOK_EVERY_S", 1000.0)

    async def check() -> None:
        followers, texts = LogFollowers(1), iter(["", "news"])

        async def read() -> StreamResponse:
            found = stream(next(texts))
            followers.wake("job-1")
            return found

        assert (await followers.follow(follower("job-1", read), wait_s=1000)).text == "news"

    asyncio.run(check())
