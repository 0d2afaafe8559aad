"""Sweeps of a server: their names, what each job changes, and their order."""

import pytest

from distnet.protocol.attempt import Report
from distnet.protocol.errors import ConflictError, InvalidError, NotFoundError
from distnet.protocol.metrics import Compared, Headline
from distnet.server.state.job_files import text_of
from distnet.spec.sweep import expand
from tests.server.harness import ADA, Harness, asks

ACCURACY = Headline(name="accuracy", format="percent", direction="higher")
RATES = ("optimizer.learning_rate=0.1,0.01,0.001",)


@pytest.fixture
def harness(tmp_path):
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as made:
        yield made


def report(
    harness: Harness,
    values: dict[str, float],
    *,
    split: str = "test",
    at_end: dict[str, float] | None = None,
) -> None:
    """Have the attempts of jobs report an evaluation, and of the end one on the split test."""
    for attempt in harness.cluster.attempts.values():
        if attempt.job in values:
            shown = (at_end or values)[attempt.job]
            said = Report(
                is_training=True,
                step=3,
                headline=ACCURACY,
                split="test" if at_end else split,
                metrics={"accuracy": shown},
                compared=Compared(split=split, value=values[attempt.job]),
            )
            harness.server.report(attempt.request.secret, said)


def test_a_sweep_lists_open_and_ended_jobs_the_best_first(harness):
    harness.submit(asks(), asks(sweep=RATES, hold=True))
    for number in (1, 2):
        harness.server.release(ADA, f"digits-sweep-1-{number}")
    harness.run(2)
    report(harness, {"digits-sweep-1-1": 0.8, "digits-sweep-1-2": 0.9, "digits-1": 0.99})
    running = harness.server.sweep("digits-sweep-1")
    harness.run(20)
    harness.restart()

    ended = harness.server.sweep("digits-sweep-1")

    assert [(t.name, t.state, t.value) for t in running.trials] == [
        ("digits-sweep-1-2", "running", 0.9),
        ("digits-sweep-1-1", "running", 0.8),
        ("digits-sweep-1-3", "held", None),
    ]
    assert [t.changes for t in running.trials] == [
        {"optimizer.learning_rate": rate} for rate in (0.01, 0.1, 0.001)
    ]
    assert (running.keys, running.metric_name) == (("optimizer.learning_rate",), "test accuracy")
    assert running.best_text == "the best is digits-sweep-1-2: test accuracy 90.00%"
    assert [t.state for t in ended.trials] == ["finished", "finished", "held"]
    assert [t.value for t in ended.trials] == [0.9, 0.8, None]
    assert harness.job("digits-1").changes == {}


def test_jobs_are_ranked_by_validation_and_shown_with_their_test(harness):
    harness.submit(asks(sweep=RATES))
    harness.run(2)
    values = {"digits-sweep-1-1": 0.8, "digits-sweep-1-2": 0.9}
    test = {"digits-sweep-1-1": 0.95, "digits-sweep-1-2": 0.85}
    report(harness, values, split="validation", at_end=test)
    harness.run(20)
    harness.restart()

    ranked = harness.server.sweep("digits-sweep-1")

    assert ranked.best_text == "the best is digits-sweep-1-2: validation accuracy 90.00%"
    assert [t.value for t in ranked.trials] == [0.9, 0.8, None]
    best = harness.job("digits-sweep-1-2")
    assert (best.split, best.metrics) == ("test", {"accuracy": 0.85})


def test_every_sweep_has_a_name_of_its_own(harness):
    names = [harness.submit(asks(sweep=RATES))[0].array for _ in range(2)]
    [*named, _] = harness.submit(asks(sweep=RATES, name="rates"))

    assert names == ["digits-sweep-1", "digits-sweep-2"]
    assert [job.name for job in named] == ["rates-1", "rates-2"]
    with pytest.raises(ConflictError, match="rates: a sweep already has this name"):
        harness.submit(asks(sweep=("train.seed=1,2",), name="rates"))
    assert len(harness.open_jobs()) == 9


def test_an_unknown_sweep_is_refused_with_the_nearest_name(harness):
    harness.submit(asks(sweep=RATES, name="rates"))

    with pytest.raises(NotFoundError, match="there is no sweep rate; did you mean rates"):
        harness.server.sweep("rate")


def test_trials_keep_the_job_files_that_they_would_have_alone(harness):
    sweep = ("train.seed=1..3", "network.hidden=[8],[16,16]", "env.A='1','yes'")
    trials = harness.submit(asks(sweep=sweep, workers=2))
    alone = harness.submit(*(asks(sets=sets, workers=2) for sets in expand(sweep)))

    assert [trial.spec for trial in trials] == [job.spec for job in alone]
    assert [trial.shape for trial in trials] == [job.shape for job in alone]
    assert len({trial.spec for trial in trials}) == 12
    for job in trials:
        assert harness.server.details(job.name).spec == text_of(harness.server.mirror, job)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "train.seed=1,2,3,x",
            "--sweep train.seed=x: found text 'x', expected a whole number",
        ),
        (
            "train.slices=4,3",
            "--workers: found 4, expected at most 3, one for each of the slices of a batch "
            "(train.slices)",
        ),
        (
            "data.source=mnist,nope",
            "--set data.source=nope: found unknown dataset `nope`, expected one of: mnist; a "
            "folder is given by its absolute path that all nodes of the cluster can read",
        ),
    ],
)
def test_a_trial_with_a_fault_refuses_all_of_its_sweep(harness, setting, message):
    with pytest.raises(InvalidError) as refused:
        harness.submit(asks(sweep=(setting,), workers=4))

    assert str(refused.value) == message
    assert harness.all_jobs() == []
