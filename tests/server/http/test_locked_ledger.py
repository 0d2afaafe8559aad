"""Another program has locked the ledger: reads are answered, writes wait or are refused."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from distnet.protocol.attempt import Report
from distnet.protocol.errors import UnavailableError
from distnet.protocol.states import JobState
from distnet.server.ledger import Ledger, database, open_ledger
from tests.server.fake_cluster import piece
from tests.server.harness import asks
from tests.server.http.api import Api, body
from tests.server.http.home import Home
from tests.server.http.live import live

HELD = "another program has locked it to write"
ANSWERED_S = 30.0
"""Much longer than any answer takes; a test that waits so long has failed."""


@contextmanager
def locked_by_another(url: str) -> Iterator[None]:
    """Another program has begun to write."""
    other = open_ledger(url)
    try:
        with other.transaction():
            yield
    finally:
        other.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes wait until the lock is gone."""
    monkeypatch.setattr(database, "LOCKED_S", 600.0)
    monkeypatch.setattr("distnet.server.ledger.ledger.LOCKED_S", 600.0)


@pytest.fixture
def gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes are refused at once."""
    monkeypatch.setattr(database, "LOCKED_S", 0.0)
    monkeypatch.setattr("distnet.server.ledger.ledger.LOCKED_S", 0.0)


def waiting_in(ledger: Ledger) -> threading.Event:
    """Is set when a request waits for the write lock."""
    waiting, real = threading.Event(), ledger.transaction

    def transaction(*, waits: bool = True) -> Any:
        if waits:
            waiting.set()
        return real(waits=waits)

    ledger.transaction = transaction  # type: ignore[method-assign]
    return waiting


def client(api: Api, address: str, user: str = "ada") -> httpx.Client:
    headers = {"Authorization": f"Bearer {api.token(user)}"}
    return httpx.Client(base_url=address, headers=headers, timeout=ANSWERED_S)


def in_thread(act: Callable[[], Any]) -> "Future[Any]":
    pool = ThreadPoolExecutor(1)
    future = pool.submit(act)
    pool.shutdown(wait=False)
    return future


@pytest.mark.usefixtures("waits")
def test_lists_are_answered_while_a_submit_waits(each_api: Api) -> None:
    api = each_api
    with live(api) as address, client(api, address) as writes, client(api, address) as reads:
        first = writes.post("/api/v1/jobs", json=body()).json()["jobs"][0]["name"]
        waiting = waiting_in(api.harness.ledger)
        with locked_by_another(api.harness.url):
            submit = in_thread(lambda: writes.post("/api/v1/jobs", json=body()))
            assert waiting.wait(ANSWERED_S)
            listed = reads.get("/api/v1/jobs").json()["jobs"]
            details = reads.get(f"/api/v1/jobs/{first}").status_code
            alive = reads.get("/healthz").status_code
            assert not submit.done()

        assert ([job["name"] for job in listed], details, alive) == ([first], 200, 200)
        assert submit.result(ANSWERED_S).status_code == 201
        assert len(reads.get("/api/v1/jobs").json()["jobs"]) == 2


@pytest.mark.usefixtures("gives_up")
def test_what_is_refused_meanwhile_can_be_sent_again_and_nothing_is_lost(each_api: Api) -> None:
    api, submit = each_api, body()
    ada = api.client()
    assert ada.post("/api/v1/jobs", json=body()).status_code == 201
    api.harness.clock.pass_(1)
    api.server.tick()
    (attempt,) = api.harness.cluster.attempts.values()
    agent = api.client(None, token=attempt.request.secret)

    def report(step: int, **more: Any) -> int:
        said = Report(is_training=True, step=step, num_steps=10, **more)
        sent = said.model_dump(mode="json")
        return agent.post("/api/v1/attempt/report", json=sent).status_code

    assert report(1, pieces=(piece("run", 0, "one\n"),)) == 200
    assert report(2) == 200
    with locked_by_another(api.harness.url):
        refused = ada.post("/api/v1/jobs", json=submit)
        assert (refused.status_code, HELD in refused.text) == (503, True)
        assert ada.post("/api/v1/jobs/digits-1/stop").status_code == 503
        assert report(3) == 200, "it writes nothing"
        assert report(4, pieces=(piece("run", 4, "two\n"),)) == 503
        assert ada.get("/api/v1/jobs/digits-1").json()["job"]["step"] == 3

    assert report(4, pieces=(piece("run", 4, "two\n"),)) == 200
    assert ada.post("/api/v1/jobs", json=submit).status_code == 201
    assert ada.post("/api/v1/jobs", json=submit).status_code == 200
    api.harness.restart()
    api = Api(api.harness)
    assert len(api.harness.open_jobs()) == 2
    assert api.server.stream("digits-1", "run", 0, 100).text == "one\ntwo\n"


@pytest.mark.usefixtures("gives_up")
def test_the_first_request_with_a_token_is_answered(each_api: Api) -> None:
    token = each_api.token("vic")
    with locked_by_another(each_api.harness.url):
        assert each_api.client(token=token).get("/api/v1/jobs").status_code == 200


@pytest.mark.usefixtures("gives_up")
def test_the_loop_goes_on_when_the_lock_is_gone(each_api: Api) -> None:
    harness = each_api.harness
    harness.submit(asks())
    harness.clock.pass_(1)
    with locked_by_another(harness.url), pytest.raises(UnavailableError, match=HELD):
        harness.server.tick()
    assert harness.job("digits-1").state is JobState.WAITING

    harness.run(2)

    assert harness.job("digits-1").state is JobState.RUNNING


@pytest.mark.check
def test_a_server_answers_while_a_program_has_locked_its_file(home: Home) -> None:
    with home.server() as running, running.client as reads, running.client as writes:
        (path,) = Path(home.folder).rglob("ledger.db")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        submit = in_thread(lambda: writes.post("/api/v1/jobs", json=body()))
        listed = [reads.get("/api/v1/jobs").status_code for _ in range(20)]
        refused = submit.result(ANSWERED_S)
        listed += [reads.get("/api/v1/jobs").status_code for _ in range(20)]
        other.close()

        assert set(listed) == {200}
        assert (refused.status_code, HELD in refused.text) == (503, True)
        assert writes.post("/api/v1/jobs", json=body()).status_code == 201
