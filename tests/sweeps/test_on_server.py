"""A sweep of a server is decided as one of this machine: real agents, trained in this process."""

from pathlib import Path
from typing import Any

import pytest

import distnet
from distnet.agent import training
from distnet.agent.__main__ import SECRET, SERVER
from distnet.agent.__main__ import main as run_agent
from distnet.launch.run import resume, run
from distnet.notebook.run import Run
from distnet.protocol.submit import SubmitRequest
from tests.server.harness import Harness
from tests.server.http.api import Api
from tests.server.http.live import live

pytestmark = pytest.mark.check
RATES = "optimizer.learning_rate=1e-5,0.05,1e-4"
SETS = ("train.epochs=3", "train.batch_size=2")
"""An epoch has 500 steps: a run looks for stops five times a second."""
OF_CLUSTERS = ("address", "placement", "workers")


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let agents train inline; all else of an attempt is as on a cluster."""

    def inline(train: Any) -> Any:
        def trained(*arguments: Any, **options: Any) -> Run:
            kept = {name: value for name, value in options.items() if name not in OF_CLUSTERS}
            ended: Run = train(*arguments, **kept, inline=True)
            return ended

        return trained

    monkeypatch.setattr(training, "run", inline(run))
    monkeypatch.setattr(training, "resume", inline(resume))


@pytest.mark.usefixtures("without_ray")
def test_the_same_trials_of_a_server_stop_early_and_the_best_has_the_same_weights(
    job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = SubmitRequest(
        key="the-same-key",
        spec=job.read_text(),
        sets=SETS,
        workers=1,
        sweep=(RATES,),
        name="early",
        stop_early=True,
        trials_at_once=2,
    )
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        with live(Api(harness)) as address:
            monkeypatch.setenv(SERVER, address)
            harness.submit(request)
            while harness.open_jobs():
                harness.clock.pass_(1.0)
                harness.server.tick()
                train_one(harness, monkeypatch)
        jobs = {job.name: job for job in harness.all_jobs()}
        table = harness.server.sweep("early")

    here = distnet.sweep(
        job, [RATES], inline=True, overrides=SETS, stop_early=True, name="early", runs="here"
    )

    assert [(one.name, one.state, one.value) for one in table.trials] == [
        (one.name, one.state, one.value) for one in here.table.trials
    ]
    assert all((one.step or 0) < 2 * 500 for one in table.trials[1:])
    assert table.best_text == here.table.best_text
    assert table.rules_text.startswith("2 of 3 trials stopped early")
    assert jobs["early-1"].reason == (
        "stopped early at epoch 1 of 3: early-2 was better, and 1 of 3 trials goes on"
    )
    assert here.best is not None
    assert jobs["early-2"].weights_sha256 == here.best.result["weights_sha256"]
    stopped = distnet.open("early-1", runs=harness.settings.runs)
    assert (stopped.status, len(stopped.result["weights_sha256"])) == ("stopped", 64)


def train_one(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the agent of one attempt that was started, to its end."""
    for attempt in harness.cluster.attempts.values():
        if attempt.is_alive:
            monkeypatch.setenv(SECRET, attempt.request.secret)
            assert run_agent() == 0
            attempt.is_alive = False
            return
