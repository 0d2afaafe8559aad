"""Sweeps of a server whose trials stop early, and that run only some of them at once."""

from pathlib import Path

import pytest

from distnet.protocol.attempt import Report
from distnet.protocol.errors import InvalidError
from distnet.protocol.metrics import AtRung, Compared, Headline
from distnet.protocol.states import JobState, StopReason
from distnet.scheduler.view import Node
from tests.server.harness import ADA, Harness, asks

SEEDS = ("train.seed=1..9",)
EPOCHS = ("train.steps=null", "train.epochs=27")
VALUES = (0.5, 0.9, 0.3, 0.8, 0.7, 0.2, 0.6, 0.1, 0.4)
"""Trials 2, 4 and 5 go on from the first rung, trial 2 from the second."""
NAMES = [f"rates-{number}" for number in range(1, 10)]
NODE = Node("node-a", 9, 0, "node-a")


@pytest.fixture
def harness(tmp_path):
    with measured(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as made:
        yield made


@pytest.fixture
def each_harness(harness_url, tmp_path):
    """One with each kind of ledger."""
    with measured(harness_url, tmp_path) as made:
        yield made


def measured(url: str, folder: Path) -> Harness:
    made = Harness(url, folder, (NODE,))
    made.cluster.num_steps = 27
    made.cluster.scores = dict(zip(NAMES, VALUES, strict=True))
    return made


def sweep(harness: Harness, **more: object) -> None:
    harness.submit(asks(sweep=SEEDS, sets=EPOCHS, name="rates", stop_early=True, **more))


def states(harness: Harness) -> dict[str, str]:
    return {job.name: job.state.value for job in harness.all_jobs()}


def ends(harness: Harness) -> dict[str, int | None]:
    """The step at which each job has ended."""
    return {job.name: job.step for job in harness.all_jobs()}


EXPECTED = {name: 3 for name in NAMES} | {"rates-4": 9, "rates-5": 9, "rates-2": 27}


@pytest.mark.parametrize("most", [None, 2])
def test_the_same_trials_stop_early_however_many_run_at_once(harness, most):
    sweep(harness, trials_at_once=most)

    for _ in range(200):
        harness.run(1)
        running = [job for job in harness.open_jobs() if job.state.is_live]
        assert len(running) <= (most or 9)
        if not harness.open_jobs():
            break

    assert ends(harness) == EXPECTED
    early = {name: "stopped early" for name in NAMES}
    assert states(harness) == early | {"rates-2": "finished"}
    assert harness.job("rates-9").reason == (
        "stopped early at epoch 3 of 27: rates-2, rates-4 and rates-5 were better, and 3 of 9 "
        "trials go on"
    )
    assert harness.job("rates-4").reason == (
        "stopped early at epoch 9 of 27: rates-2 was better, and 1 of 9 trials goes on"
    )
    assert harness.cluster.starts["rates-2"] == [0, 3, 9]


def test_a_server_that_is_killed_at_any_time_decides_the_same(each_harness):
    sweep(each_harness, trials_at_once=4)

    while each_harness.open_jobs():
        each_harness.run(1)
        each_harness.restart()

    assert ends(each_harness) == EXPECTED
    assert each_harness.cluster.starts["rates-2"] == [0, 3, 9]


def test_a_trial_at_its_rung_holds_no_nodes_and_says_for_whom_it_waits(harness):
    sweep(harness, hold=True)
    for name in ("rates-2", "rates-4", "rates-9"):
        harness.server.release(ADA, name)
    harness.run(8)
    job = harness.job("rates-2")

    assert not harness.server.mirror.attempts
    assert (job.state, job.code, job.position) == (JobState.WAITING, "rung", None)
    assert job.reason == (
        "paused at epoch 3 of 27 to be compared: 3 of 9 trials go on; rates-1, rates-3, rates-5 "
        "and 3 others are still to come"
    )
    assert harness.server.why("rates-2").reason == job.reason
    [attempt] = harness.server.details("rates-2").attempts
    assert (attempt.stop, attempt.step) == (StopReason.RUNG, 3)


def test_commands_reach_trials_at_their_rungs(harness):
    sweep(harness, hold=True)
    for name in NAMES[:4]:
        harness.server.release(ADA, name)
    harness.run(8)
    harness.server.hold(ADA, "rates-2")
    harness.server.set_priority(ADA, "rates-4", 3)
    for name in NAMES[4:]:
        harness.server.cancel(ADA, name)
    harness.run(1)

    assert states(harness)["rates-3"] == "stopped early"
    assert harness.job("rates-2").state is JobState.HELD
    harness.run(30)
    assert (harness.job("rates-1").step, harness.job("rates-4").step) == (9, 9)
    assert harness.job("rates-4").priority == 3
    harness.server.release(ADA, "rates-2")
    harness.run_until_all_ended()
    assert (harness.job("rates-2").step, states(harness)["rates-2"]) == (27, "finished")


def test_a_trial_that_was_stopped_early_trains_to_its_end_if_it_is_retried(harness):
    sweep(harness)
    harness.run_until_all_ended()

    harness.server.retry(ADA, "rates-9")
    harness.run_until_all_ended()

    assert (harness.job("rates-9").step, states(harness)["rates-9"]) == (27, "finished")
    assert harness.cluster.starts["rates-9"] == [0, 3]
    assert harness.server.sweep("rates").best_text == (
        "the best is rates-2: validation accuracy 90.00%"
    )


def test_an_attempt_that_is_lost_or_preempted_at_a_rung_is_compared_all_the_same(harness):
    sweep(harness)
    harness.run(3)
    for attempt in harness.cluster.attempts.values():
        if attempt.job in ("rates-2", "rates-9"):
            attempt.is_alive = False  # after its report of the rung, before its exit record
    harness.run(120)
    harness.run_until_all_ended()

    assert ends(harness) == EXPECTED


def test_a_trial_that_ends_after_the_others_were_compared_with_its_report_goes_on(harness):
    harness.cluster.scores = {"rates-1": 0.3, "rates-2": 0.2, "rates-3": 0.9}
    harness.submit(asks(sweep=("train.seed=1..3",), sets=EPOCHS, name="rates", stop_early=True))
    harness.run(5)
    [last] = [one for one in harness.cluster.attempts.values() if one.job == "rates-3"]
    last.is_silent = True  # it reports its rung below, and its end when the others are compared
    harness.run(10)
    harness.server.report(
        last.request.secret,
        Report(
            is_training=True,
            step=9,
            num_steps=27,
            placement=last.placement,
            headline=Headline(name="accuracy", format="percent", direction="higher"),
            split="validation",
            compared=Compared(split="validation", value=0.9),
            at_rungs=(AtRung(epoch=9, num_epochs=27, value=0.9),),
        ),
    )
    harness.server.hold(ADA, "rates-1")  # with this change, all are compared
    harness.run(3)
    assert set(states(harness).values()) == {"running", "stopped early"}
    harness.submit(asks(name="another"))
    harness.run(3)
    last.is_silent = False
    harness.run(60)

    assert [states(harness)[name] for name in NAMES[:3]] == [*["stopped early"] * 2, "finished"]
    assert harness.cluster.starts["rates-3"] == [0, 9]


def test_a_failed_trial_is_waited_for_no_more(harness):
    sweep(harness)
    harness.run(2)
    harness.fail("rates-2", "it does not work", "user_error")
    harness.run_until_all_ended()

    assert states(harness)["rates-2"] == "failed"
    assert {name for name, step in ends(harness).items() if step == 27} == {"rates-4"}
    assert harness.job("rates-7").step == 9


def test_a_preempted_trial_stays_one_of_those_that_may_run(harness):
    sweep(harness, trials_at_once=2)
    harness.run(2)
    harness.submit(asks(workers=4, name="urgent", priority=9), asks(workers=4, priority=9))
    harness.run(1)

    live = [job.name for job in harness.open_jobs() if job.state.is_live and job.array == "rates"]
    assert len(live) <= 2
    harness.cluster.num_steps = 27
    harness.run_until_all_ended()
    assert {name: ends(harness)[name] for name in NAMES} == EXPECTED


def test_the_sweep_says_how_its_trials_are_compared(harness):
    sweep(harness, trials_at_once=9)
    harness.run_until_all_ended()

    found = harness.server.sweep("rates")

    assert (found.rungs, found.trials_at_once) == (pytest.approx((1 / 9, 1 / 3)), 9)
    assert found.rules_text == (
        "8 of 9 trials stopped early; trials are compared at 1/9, 1/3 of their epochs; "
        "at most 9 trials at once"
    )
    assert [trial.name for trial in found.trials][:3] == ["rates-2", "rates-4", "rates-5"]
    assert found.trials[1].reason.startswith("stopped early at epoch 9 of 27: ")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"stop_early": True}, "--stop-early: expected --sweep"),
        ({"trials_at_once": 2}, "--trials-at-once: expected --sweep"),
        ({"stop_early": True, "sweep": ("data.fold=1/2,2/2",)}, "found folds beside it"),
    ],
)
def test_options_that_do_not_fit_are_refused(harness, more, message):
    with pytest.raises(InvalidError, match=message) as error:
        harness.submit(asks(**more))

    assert error.value.code == "bad_sweep"
    assert harness.open_jobs() == []


def test_a_sweep_that_is_submitted_twice_with_one_key_is_one_sweep(harness):
    for _ in range(2):
        sweep(harness, key="the-same-key", trials_at_once=2)

    assert [job.name for job in harness.all_jobs()] == NAMES
