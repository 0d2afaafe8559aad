import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from distnet.protocol.errors import TooLargeError
from distnet.server.http.guard.rate_limit import MAX_KEYS, RateLimiter
from distnet.server.http.request_body import TooSlowError, read_body, replay
from distnet.server.settings import Allowance
from tests.server.fake_cluster import Clock
from tests.server.harness import Harness
from tests.server.http.api import Api, body


def test_a_bucket_gives_what_it_holds_and_then_what_it_gets() -> None:
    clock = Clock()
    limiter = RateLimiter(2.0, burst=3, clock=clock)

    assert [limiter.take("ada") for _ in range(4)] == [0, 0, 0, 0.5]
    assert limiter.take("bob") == 0
    clock.pass_(0.5)
    assert [limiter.take("ada"), limiter.take("ada")] == [0, 0.5]
    clock.pass_(1000)
    assert [limiter.take("ada") for _ in range(4)] == [0, 0, 0, 0.5]


def test_a_token_that_was_given_back_can_be_taken_again() -> None:
    limiter = RateLimiter(0.1, burst=1, clock=Clock())

    assert limiter.take("ada") == 0
    limiter.give_back("ada")
    assert limiter.take("ada") == 0
    assert limiter.take("ada") > 0


def test_an_empty_bucket_is_not_forgotten_for_many_new_keys() -> None:
    clock = Clock()
    limiter = RateLimiter(0.001, burst=1, clock=clock)
    for key in range(2 * MAX_KEYS):
        clock.pass_(0.001)
        limiter.take(f"other-{key}")
        if key % 1000 == 0:
            limiter.take("ada")

    assert limiter.take("ada") > 0


def anything(_: int) -> None:
    """Reserve any amount of memory."""


def messages(*pieces: bytes, is_whole: bool = True) -> Any:
    last = pieces[-1] if is_whole else None
    parts = iter(pieces)

    async def receive() -> Message:
        for part in parts:
            return {"type": "http.request", "body": part, "more_body": part is not last}
        if is_whole:
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()
        raise AssertionError

    return receive


def test_a_body_is_read_up_to_its_limit() -> None:
    async def check() -> None:
        receive = messages(b"abc", b"def")
        data = await read_body(receive, most_bytes=6, within_s=9, reserve=anything)
        assert data == b"abcdef"
        again = replay(data, receive)
        assert (await again())["body"] == b"abcdef"
        assert (await again())["type"] == "http.disconnect"
        with pytest.raises(TooLargeError):
            await read_body(messages(b"abc", b"def"), most_bytes=5, within_s=9, reserve=anything)

    asyncio.run(check())


def test_a_body_that_does_not_end_is_given_up() -> None:
    async def check() -> None:
        with pytest.raises(TooSlowError):
            await read_body(
                messages(b"abc", is_whole=False), most_bytes=9, within_s=0.01, reserve=anything
            )
        cut = messages(b"abc", b"def")
        await cut()
        await cut()
        with pytest.raises(ClientDisconnect):
            await read_body(cut, most_bytes=9, within_s=9, reserve=anything)

    asyncio.run(check())


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Api]:
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        yield Api(
            harness,
            body_bytes=20_000,
            bulk_bytes=40_000,
            code_bytes=30_000,
        )


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Api]:
    """It takes hours until a wrong token may be tried again."""
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        yield Api(harness, wrong_per_s=0.0001)


@pytest.mark.parametrize(
    ("method", "path", "most"),
    [
        ("POST", "/api/v1/jobs", 20_000),
        ("POST", "/api/v1/jobs/bulk", 40_000),
        ("PUT", f"/api/v1/code/{'ab' * 32}", 30_000),
        ("POST", "/api/v1/attempt/report", 20_000),
    ],
)
def test_a_body_above_the_limit_is_refused_whatever_its_header_says(
    strict: Api, method: str, path: str, most: int
) -> None:
    strict.app.middleware_stack = None
    client = strict.client()

    def pieces() -> Iterator[bytes]:
        yield from [b" " * 1000] * (most // 1000 + 1)

    for content, headers in (
        (b" " * (most + 1), {}),
        (pieces(), {}),  # chunked
        (pieces(), {"Content-Length": "10"}),
    ):
        strict.app.middleware_stack = None
        response = client.request(method, path, content=content, headers=headers)
        assert response.status_code == 413, response.text
        assert response.json()["error"]["code"] == "too_large"


def test_too_many_requests_of_one_user_are_refused_and_others_are_served(tmp_path: Path) -> None:
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        api = Api(harness, user_per_s=0.001)
        ada, bob = api.client("ada"), api.client("bob")
        statuses = [ada.get("/api/v1/whoami").status_code for _ in range(10)]
        response = ada.get("/api/v1/whoami")

        assert statuses == [200] * 10
        assert response.status_code == 429
        assert response.json()["error"]["code"] == "too_many_requests"
        assert int(response.headers["retry-after"]) >= 1
        assert bob.get("/api/v1/whoami").status_code == 200


def test_too_many_requests_from_one_address_are_refused(tmp_path: Path) -> None:
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        client = Api(harness, address_per_s=0.001).client(None)
        statuses = [client.get("/healthz").status_code for _ in range(11)]

        assert statuses == [200] * 10 + [429]


def test_many_wrong_tokens_are_slowed_down_and_known_callers_are_not(patient: Api) -> None:
    api = patient
    ada = api.client("ada")
    assert ada.get("/api/v1/whoami").status_code == 200
    good = api.token("ada")
    for at in range(20):
        token = f"{good[:-6]}{at:06d}"
        assert api.client(None, token=token).get("/api/v1/jobs").status_code == 401

    response = api.client(None, token=good[:-6] + "aaaaaa").get("/api/v1/jobs")

    assert response.status_code == 429
    assert int(response.headers["retry-after"]) >= 1
    assert ada.get("/api/v1/whoami").status_code == 200
    api.clock.pass_(60)  # its token is looked up again, without a hash
    assert ada.get("/api/v1/whoami").status_code == 200


def test_wrong_tokens_keep_nobody_at_the_same_address_from_a_first_request(patient: Api) -> None:
    api, mallory = patient, patient.token("bob")
    for at in range(30):
        api.client(None, token=f"{mallory[:-6]}{at:06d}").get("/api/v1/jobs")
        api.client(None, token=f"dn_{at:012d}_{'x' * 43}").get("/api/v1/jobs")
        api.client(None, token="no token").get("/api/v1/jobs")

    first = api.client(None, token=api.token("ada")).get("/api/v1/whoami")

    assert first.status_code == 200


def test_many_wrong_secrets_of_attempts_are_slowed_down(patient: Api) -> None:
    client = patient.client(None, token="ab" * 32)

    statuses = [client.get("/api/v1/attempt").status_code for _ in range(25)]

    assert statuses[:20] == [401] * 20
    assert statuses[-1] == 429


def test_a_user_has_so_many_open_jobs_at_most(tmp_path: Path) -> None:
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        harness.server.settings = replace(harness.settings, allowance=Allowance(open_jobs=3))
        client = Api(harness).client()
        jobs = [body() for _ in range(4)]

        response = client.post("/api/v1/jobs/bulk", json={"jobs": jobs})
        assert response.status_code == 429
        assert response.json()["error"]["code"] == "too_many_jobs"
        assert client.post("/api/v1/jobs/bulk", json={"jobs": jobs[:3]}).status_code == 201
