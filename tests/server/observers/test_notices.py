"""Notices of the ends of jobs: by apprise, over real HTTP."""

from pathlib import Path

import pytest

from distnet.notices.notifier import read_addresses
from distnet.server.observers.feed import Feed
from distnet.server.observers.notices import NoticeSender
from tests.notices.receiver import addresses, receiving
from tests.server.http.api import Api, body

pytestmark = pytest.mark.check  # apprise takes seconds to import


def test_the_end_of_a_job_is_noticed_once_to_every_address(api: Api, tmp_path: Path) -> None:
    with receiving(num_refused=2) as receiver, receiving() as other:
        file = addresses(tmp_path, receiver.address, other.address)
        find = lambda name: api.server.details(name).job  # noqa: E731
        sender = NoticeSender(read_addresses(file), find, pauses_s=(0.0,) * 5)
        feed = Feed(api.harness.ledger, [sender.read])
        sender.start()

        api.client().post("/api/v1/jobs", json=body())
        api.client().post("/api/v1/jobs", json=body())
        api.harness.run(1)
        api.client().post("/api/v1/jobs/digits-1/cancel")  # two events, one end
        api.harness.cluster.fail("digits-2", "the loss is NaN", "user_error")
        api.harness.run(3)
        feed.catch_up()
        while len(receiver.got) + len(other.got) < 4:
            arrived = receiver if len(receiver.got) < 2 else other
            assert arrived.arrived.wait(20)
            arrived.arrived.clear()
        sender.close()

    sent = {one["title"]: one for one in receiver.got}
    assert set(sent) == {"digits-1 cancelled", "digits-2 failed"}
    assert sorted(one["title"] for one in other.got) == sorted(sent)
    assert sent["digits-2 failed"]["type"] == "failure"
    assert "the loss is NaN" in sent["digits-2 failed"]["message"]
    assert "a job of ada" in sent["digits-2 failed"]["message"]
