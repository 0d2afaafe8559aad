"""What a job's own code can say with the secret of its attempt, and whom it harms."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from distnet.protocol.attempt import MOST_RESULT_BYTES, Exit, Piece, Report, reportable_result
from distnet.protocol.errors import ServerError
from distnet.protocol.states import AttemptEnd, JobState
from distnet.protocol.usage import Used
from distnet.scheduler.view import Node
from distnet.server.settings import Limits
from tests.server.fake_cluster import FakeAttempt
from tests.server.harness import ADA, BOB, Harness, asks

ALL_NODES = ("node-a", "node-b", "node-c")
THREE = tuple(Node(name, 2, 0, name) for name in ALL_NODES)


@pytest.fixture
def harness(tmp_path):
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path, THREE) as made:
        yield made


def hostile(harness: Harness, **more: object) -> FakeAttempt:
    """Begin a job of ada's whose attempt says only what the test says."""
    (job,) = harness.submit(asks(name="hostile", **more), steps=10_000)
    harness.run(3)
    attempt = next(a for a in harness.cluster.attempts.values() if a.job == job.name)
    attempt.is_silent = True
    return attempt


def say(harness: Harness, attempt: FakeAttempt, **facts: object) -> None:
    report = Report(**{"is_training": True} | facts)  # type: ignore[arg-type]
    harness.server.report(attempt.request.secret, report)


def leaving(harness: Harness) -> dict[str, str]:
    """The nodes on which nothing starts, and the jobs that say so."""
    return {n.id: n.leaving for n in harness.server.cluster().nodes if n.is_draining}


def test_an_attempt_drains_no_node_but_its_own_and_none_after_its_end(harness):
    attempt = hostile(harness)
    (own,) = attempt.placement
    for _ in range(5):
        say(harness, attempt, draining=ALL_NODES)
        harness.run(1)
    assert leaving(harness) == {own: "hostile"}

    harness.submit(asks(workers=4, name="large"), asks(workers=2, name="late"), user=BOB)
    harness.run(3)
    assert harness.job("large").state is JobState.RUNNING, "on the two other nodes"
    said = f"{own} is about to be removed, as hostile reports"
    assert said in harness.server.why("late").reason

    say(harness, attempt, exit=Exit(end=AttemptEnd.FAILED, error="it broke", failure="user_error"))
    harness.run(2)
    assert leaving(harness) == {}
    assert harness.job("late").state is JobState.RUNNING


def test_a_job_itself_does_not_start_again_where_its_attempt_had_to_leave(harness):
    attempt = hostile(harness)
    (own,) = attempt.placement
    say(harness, attempt, draining=(own,))
    say(harness, attempt, exit=Exit(end=AttemptEnd.FAILED, error="gone", failure="preemption"))
    harness.run(4)

    (again,) = (a for a in harness.cluster.attempts.values() if a.is_alive)
    assert again.job == "hostile"
    assert own not in again.placement


@pytest.mark.parametrize(
    "placement",
    [
        {"node-b": 2, "node-c": 2},
        {"node-a": 2, "node-b": 2, "node-c": 2},
        {"node-a": 10**9},
        {"node-9": 1},
        {"node-a": 0},
    ],
)
def test_an_attempt_holds_no_more_than_it_was_given(harness, placement):
    """An elastic job may grow, when the scheduler says so."""
    harness.submit(asks(workers=4), asks(), user=BOB, steps=1000)
    harness.run(2)
    attempt = hostile(harness, sets=("resources.workers={min: 1, max: 4}",), workers=None)
    given_to = {n.id: n.jobs.get("hostile", 0) for n in harness.server.cluster().nodes}
    say(harness, attempt, placement=placement)

    held = {n.id: n.jobs.get("hostile", 0) for n in harness.server.cluster().nodes}
    assert all(held[node] <= given_to[node] for node in held)


def test_an_attempt_that_has_lost_a_worker_may_have_it_again(harness):
    attempt = hostile(harness, workers=4)
    first, second = attempt.placement
    say(harness, attempt, placement={first: 2})
    assert harness.job("hostile").workers == 2
    say(harness, attempt, placement=attempt.placement)
    assert harness.job("hostile").workers == 4
    say(harness, attempt, placement={first: 4})
    assert harness.job("hostile").workers == 4
    assert {n.id for n in harness.server.cluster().nodes if n.jobs} == {first, second}


def test_a_cancelled_job_ends_though_its_secret_goes_on_reporting(harness):
    """A process that left Ray's group, or a copy of the secret elsewhere, holds no nodes."""
    attempt = hostile(harness)
    harness.server.cancel(ADA, "hostile")
    for _ in range(200):  # two minutes of grace, and what the server needs to be sure
        harness.run(1)
        if "hostile" not in harness.server.mirror.jobs:
            break
        say(harness, attempt)

    assert harness.job("hostile").state is JobState.CANCELLED
    assert "was killed" in harness.server.details("hostile").attempts[0].error
    with pytest.raises(ServerError, match="has ended"):
        say(harness, attempt)


def test_a_large_result_is_refused_and_an_agent_sends_none():
    large = {"status": "finished", "steps": 10, "metrics": {f"m-{n}": 0.5 for n in range(20_000)}}
    with pytest.raises(ValidationError, match="at most 100,000 bytes"):
        Exit(end=AttemptEnd.FINISHED, result=large)

    assert reportable_result(large) == {"status": "finished", "steps": 10}
    small = {"status": "finished", "metrics": {"accuracy": 0.5}}
    assert reportable_result(small) == small
    assert MOST_RESULT_BYTES == 100_000


def test_ever_new_logs_are_bounded_and_the_event_log_says_so_once(harness):
    attempt = hostile(harness)
    harness.server.settings = harness.server.settings.__class__(
        ledger="", runs=harness.settings.runs, limits=Limits(streams=10, log_bytes=1000)
    )
    for n in range(20):
        pieces = [Piece(stream=f"s-{n}-{part}", offset=0, text="x" * 300) for part in range(50)]
        say(harness, attempt, pieces=pieces)

    names = harness.server.details("hostile").streams
    assert len(names) == 11, "10, and one worker"
    kept = [harness.server.stream("hostile", name, 0, 10**6).text for name in names]
    assert sum(map(len, kept)) < 1000 + 300 + 11 * 100
    assert all(text.endswith("see the run folder\n") for text in kept[4:])
    assert harness.kinds("hostile").count("logs") == 1


NODES_ST = st.sampled_from([*ALL_NODES, "node-9", ""])
NUMBERS = st.sampled_from([0, 1, 3, 10**6, 2**53 - 1])
REPORTS = st.fixed_dictionaries(
    {},
    optional={
        "is_training": st.booleans(),
        "step": NUMBERS,
        "num_steps": NUMBERS,
        "saved_step": NUMBERS,
        "placement": st.dictionaries(NODES_ST, NUMBERS, max_size=4),
        "draining": st.lists(NODES_ST, max_size=5),
        "progress": st.dictionaries(
            st.sampled_from(["loss", "seconds_per_step", "samples_per_second"]),
            st.floats(-1e150, 1e150),
        ),
        "used": st.builds(Used, cpu_s=st.floats(0, 1e12), peak_bytes=NUMBERS, num_steps=NUMBERS),
        "exit": st.builds(
            Exit,
            end=st.sampled_from([AttemptEnd.FAILED, AttemptEnd.STOPPED]),
            failure=st.sampled_from(["preemption", "lost_worker", "user_error"]),
            step=NUMBERS,
        ),
    },
)


@given(st.lists(REPORTS, max_size=8))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_an_attempt_says_the_jobs_of_others_run(tmp_path_factory, reports):
    folder = tmp_path_factory.mktemp("hostile")
    with Harness(f"sqlite:///{folder}/ledger.db", folder, THREE) as harness:
        attempt = hostile(harness)
        harness.submit(asks(workers=4, name="large"), user=BOB, steps=4)
        for one in reports:
            try:
                say(harness, attempt, **one)
            except ServerError:
                break
            harness.run(1)
            assert set(leaving(harness)) <= {"node-a"}
        harness.run(8)

        assert harness.job("large").state is JobState.FINISHED
        harness.open_jobs(), harness.all_jobs(), harness.server.details("hostile")
        assert harness.server.cluster().is_reachable
