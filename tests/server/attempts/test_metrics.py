"""The metrics that attempts report: what the server keeps of them, and what it shows."""

import json

import pytest
from pydantic import ValidationError

from distnet.protocol.attempt import Report
from distnet.protocol.metrics import Headline
from distnet.server.views.listing import JobFilter
from distnet.spec.metric import Metric
from tests.server.harness import Harness, asks

MAE = Headline(name="mae", format="number", direction="lower")


@pytest.fixture
def harness(tmp_path):
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as made:
        made.submit(asks())
        made.run(2)
        yield made


def report(harness: Harness, **facts: object) -> None:
    """Have the attempt of digits-1 report."""
    (attempt,) = harness.cluster.attempts.values()
    said = Report(is_training=True, step=attempt.step, **facts)  # type: ignore[arg-type]
    harness.server.report(attempt.request.secret, said)


def test_a_regression_shows_its_metric_in_lists_details_and_history(harness):
    report(harness, progress={"loss": 0.5, "learning_rate": 0.1}, headline=MAE, split="test")
    before = harness.job("digits-1")
    report(harness, split="test", metrics={"mae": 2.0, "loss": 0.4})
    (listed,) = harness.open_jobs()
    harness.run_until_all_ended()
    (ended,) = harness.server.jobs(JobFilter(state="ended")).jobs

    assert (before.headline, before.metrics, before.loss) == (MAE, {}, 0.5)
    assert before.learning_rate == 0.1
    for job in (listed, ended, harness.job("digits-1")):
        assert (job.headline, job.split, job.metrics) == (MAE, "test", {"mae": 2.0, "loss": 0.4})
    shown = json.loads(ended.model_dump_json())
    assert shown["metrics"][shown["headline"]["name"]] == 2.0
    assert shown["headline"] == {"name": "mae", "format": "number", "direction": "lower"}


def test_metrics_survive_a_restart_and_stand_until_the_next_evaluation(harness):
    report(harness, headline=MAE, split="test", metrics={"mae": 2.0, "worst": 9.0})
    harness.run(20, steps=0)
    harness.restart()
    report(harness, progress={"loss": 0.1})
    kept = harness.job("digits-1").metrics
    report(harness, headline=MAE, split="test", metrics={"mae": 1.0})

    assert kept == {"mae": 2.0, "worst": 9.0}
    assert harness.job("digits-1").metrics == {"mae": 1.0}


@pytest.mark.parametrize(
    "facts",
    [
        {"metrics": {f"m{at}": 1.0 for at in range(33)}},
        {"metrics": {"x" * 65: 1.0}},
        {"metrics": {"<b>": 1.0}},
        {"metrics": {"": 1.0}},
        {"metrics": {"mae": float("nan")}},
        {"metrics": {"mae": float("inf")}},
        {"split": "../up"},
        {"split": "x" * 300},
        {"headline": {"name": "no name", "format": "number", "direction": "lower"}},
        {"headline": {"name": "mae", "format": "roman", "direction": "lower"}},
    ],
    ids=lambda facts: str(facts)[:40],
)
def test_a_report_with_other_metrics_than_the_server_keeps_is_refused(facts):
    with pytest.raises(ValidationError):
        Report.model_validate({"is_training": True, **facts})


def test_an_agent_reports_only_what_the_server_accepts():
    assert Headline.of(Metric("accuracy", "percent", "higher")) == Headline(
        name="accuracy", format="percent", direction="higher"
    )
    assert Headline.of(Metric("no name")) is None
