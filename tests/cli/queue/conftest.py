import pytest

from tests.client.fake_server import FakeServer, make_job

RUNNING = {
    "state": "running", "reason": "", "workers": 2, "step": 3000, "num_steps": 9380,
    "loss": 0.12345, "headline": {"name": "accuracy", "format": "percent", "direction": "higher"},
    "metrics": {"accuracy": 0.95881, "macro_f1": 0.95}, "split": "test",
    "samples_per_second": 123456.0, "seconds_left": 754.0,
}  # fmt: skip


@pytest.fixture
def queue(server: FakeServer) -> FakeServer:
    """One job that runs, two that wait, one that has ended."""
    jobs = [
        make_job("digits-1", 1, **RUNNING),
        make_job("digits-3", 3, priority=9, fewest=1, most=4, owner="bob"),
        make_job("digits-2", 2, reason="digits-3 \x1b[2Jcomes\nfirst"),
        make_job("old-1", 4, state="failed", error="nan", started_at=100.0, ended_at=190.0),
    ]
    server.jobs = {job.name: job for job in jobs}
    return server
