"""Jobs that name no store for their checkpoints get that of the server."""

from pathlib import Path

from distnet.protocol.schedules import ScheduleRequest
from tests.server.harness import ADA, Harness, asks


def test_the_store_of_the_server_is_for_jobs_that_name_none(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Harness(url, tmp_path, checkpoints="s3://bucket/lab/") as harness:
        own = asks(sets=["checkpoint.store=gs://mine"])
        request = ScheduleRequest(name="soon", request=asks(), at=harness.clock() + 1)
        harness.server.add_schedule(ADA, request)
        harness.submit(asks(), own)
        harness.run(3)
        specs = {job.name: harness.server.details(job.name).spec for job in harness.all_jobs()}

    store = f"store: s3://bucket/lab/{harness.ledger.id}\n"
    assert store in specs["digits-1"]
    assert "store: gs://mine\n" in specs["digits-2"]
    assert store in specs["digits-3"]
