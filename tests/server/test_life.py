"""What becomes of jobs: a whole server in this process, on real ledgers, a cluster in memory."""

import pytest

from distnet.protocol.attempt import Report
from distnet.protocol.errors import ConflictError, ForbiddenError, InvalidError, ServerError
from distnet.protocol.states import Doing, JobState
from distnet.protocol.users import TeamMessage
from distnet.scheduler.view import Node
from distnet.server.attempts.decisions import STARTS_AT_ONCE
from tests.server.harness import ADA, BOB, ROOT, Harness, asks


@pytest.fixture
def harness(harness_url, tmp_path):
    with Harness(harness_url, tmp_path) as harness:
        yield harness


def test_a_job_is_queued_started_and_finished(harness):
    (job,) = harness.submit(asks())
    assert (job.name, job.state, job.owner) == ("digits-1", JobState.WAITING, "ada")

    harness.run(2)
    assert harness.job("digits-1").state is JobState.RUNNING
    harness.run_until_all_ended()

    done = harness.job("digits-1")
    assert done.state is JobState.FINISHED
    assert done.weights_sha256 == "ab" * 32
    assert harness.kinds("digits-1") == ["submitted", "started", "state", "ended"]


def test_the_same_key_is_the_same_job(harness):
    (first,) = harness.submit(asks(key="same-key-1"))
    (again,) = harness.submit(asks(key="same-key-1"))
    assert again.name == first.name
    (other,) = harness.submit(asks(key="same-key-1"), user=BOB)
    assert other.name != first.name


def test_jobs_get_no_name_of_a_folder_that_is_there(harness):
    """As of `distnet run`, where the server keeps its runs beside those of a user."""
    for name in ("digits-1", "digits-3", "rates-2"):
        (harness.settings.runs / name).mkdir(parents=True)

    (first,) = harness.submit(asks())
    trials = harness.submit(asks(sweep=("train.seed=1..2",), name="rates"))
    (second,) = harness.submit(asks())

    assert [job.name for job in trials] == ["rates-3", "rates-4"]
    assert (first.name, second.name) == ("digits-2", "digits-4")


def test_thousands_of_jobs_that_fit_start_in_parts(tmp_path):
    """While starts are written, nobody reads the queue."""
    nodes = (Node("large", 2000, 0),)
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path, nodes=nodes) as harness:
        harness.submit(asks(sweep=(f"train.seed=1..{2 * STARTS_AT_ONCE + 1}",), name="seeds"))
        harness.run(1)
        last, first = harness.job(f"seeds-{STARTS_AT_ONCE}"), f"seeds-{STARTS_AT_ONCE + 1}"
        assert last.state is not JobState.WAITING
        assert (harness.job(first).state, harness.job(first).position) == (JobState.WAITING, 1)
        assert harness.job(first).reason == (
            f"starts soon: {STARTS_AT_ONCE} jobs are started at once, and this one is behind them"
        )

        harness.run(2)
        assert harness.job(f"seeds-{2 * STARTS_AT_ONCE + 1}").state is not JobState.WAITING


def test_a_gang_waits_until_all_its_workers_fit(harness):
    harness.submit(asks(workers=3), asks(workers=3))
    harness.run(3)
    assert [job.state for job in harness.open_jobs()] == [JobState.RUNNING, JobState.WAITING]
    waiting = harness.job("digits-2")
    assert waiting.position == 1
    assert waiting.reason
    harness.run_until_all_ended()
    assert harness.job("digits-2").state is JobState.FINISHED


def test_a_job_that_can_never_fit_is_refused_at_submit(harness):
    harness.run(1)
    with pytest.raises(InvalidError, match=r"needs .*node-a: 2 CPUs"):
        harness.submit(asks(sets=("resources.cpus=3",)))


def test_a_higher_priority_preempts_and_no_step_is_repeated(harness):
    harness.submit(asks(workers=4))
    harness.run(4)
    harness.submit(asks(workers=4, priority=5))
    harness.run_until_all_ended()

    low, high = harness.job("digits-1"), harness.job("digits-2")
    assert (low.state, high.state) == (JobState.FINISHED, JobState.FINISHED)
    assert high.ended_at < low.ended_at
    first, second = harness.server.details("digits-1").attempts
    assert (first.end, first.stop) == ("stopped", "preempt")
    assert harness.cluster.starts["digits-1"] == [0, first.step]


def test_after_waits_for_the_end_and_start_from_must_be_one_of_them(harness):
    harness.submit(asks(), asks(after=("digits-1",), start_from="digits-1"))
    harness.run(3)
    waiting = harness.job("digits-2")
    assert (waiting.code, waiting.reason) == ("after", "waiting until digits-1 has finished")
    harness.run_until_all_ended()
    assert harness.job("digits-2").started_at >= harness.job("digits-1").ended_at


def test_a_dependency_that_cannot_be_met_cancels_the_jobs_that_wait_for_it_in_turn(harness):
    harness.submit(asks(), asks(after=("digits-1",)), asks(after=("digits-2:any",)))
    harness.server.cancel(ADA, "digits-1")
    harness.run_until_all_ended()
    assert harness.job("digits-2").state is JobState.CANCELLED
    assert "digits-1 is cancelled" in harness.job("digits-2").reason
    assert harness.job("digits-3").state is JobState.FINISHED


@pytest.mark.parametrize("after", ["nobody", "digits-1:later", "digits-9:ok"])
def test_an_unknown_dependency_is_refused(harness, after):
    harness.submit(asks())
    with pytest.raises(InvalidError) as error:
        harness.submit(asks(after=(after,)))
    assert error.value.code == "unknown_dependency"
    assert len(harness.open_jobs()) == 1


def test_jobs_that_wait_for_each_other_are_refused(harness):
    with pytest.raises(InvalidError, match="wait for each other") as error:
        harness.submit(asks(name="a", after=("b",)), asks(name="b", after=("a",)))
    assert error.value.code == "cycle"
    assert harness.open_jobs() == []


def test_a_sweep_makes_a_job_for_each_combination(harness):
    jobs = harness.submit(asks(sweep=("train.seed=1..3", "train.batch_size=64,128")))
    assert [job.name for job in jobs] == [f"digits-sweep-1-{n}" for n in range(1, 7)]
    assert {job.array for job in jobs} == {"digits-sweep-1"}
    texts = [harness.server.details(job.name).spec for job in jobs]
    assert "seed: 3" in texts[-1]
    assert "batch_size: 128" in texts[-1]
    harness.run_until_all_ended()


def test_what_takes_long_before_the_first_step_is_shown(harness):
    harness.submit(asks())
    harness.run(1, steps=0)
    (attempt,) = harness.cluster.attempts.values()
    installing = Report(is_training=False, doing=Doing.INSTALLING)
    harness.server.report(attempt.request.secret, installing)
    job = harness.job("digits-1")
    assert (job.state, job.reason) == (JobState.STARTING, "installing packages")
    harness.server.report(attempt.request.secret, Report(is_training=False))
    assert harness.job("digits-1").reason == ""
    harness.server.report(attempt.request.secret, installing)
    harness.server.report(attempt.request.secret, Report(is_training=True, step=1))
    job = harness.job("digits-1")
    assert (job.state, job.reason) == (JobState.RUNNING, "")


def test_a_requirements_file_travels_with_the_code(harness):
    with pytest.raises(
        InvalidError, match=r"packages=requirements.txt: found 'requirements.txt', but the file was"
    ):
        harness.submit(asks(sets=("packages=requirements.txt",)))
    harness.submit(asks(sets=("packages=[surely-not-installed==3]",)))


def test_stop_saves_and_retry_continues(harness):
    harness.submit(asks())
    harness.run(4)
    harness.server.stop(ADA, "digits-1")
    harness.run(4)
    assert harness.job("digits-1").state is JobState.STOPPED
    harness.server.retry(ADA, "digits-1")
    harness.run_until_all_ended()
    assert harness.job("digits-1").state is JobState.FINISHED
    begins = harness.cluster.starts["digits-1"]
    assert begins[1] == harness.server.details("digits-1").attempts[0].step


def test_cancel_hold_release(harness):
    harness.submit(asks(hold=True), asks(), asks())
    harness.run(3)
    assert harness.job("digits-1").code == "held"
    harness.server.cancel(ADA, "digits-2")
    harness.server.hold(ADA, "digits-3")
    harness.run(4)
    assert harness.job("digits-2").state is JobState.CANCELLED
    assert harness.job("digits-3").state is JobState.HELD
    harness.server.release(ADA, "digits-1")
    harness.server.release(ADA, "digits-3")
    harness.run_until_all_ended()
    assert harness.job("digits-3").state is JobState.FINISHED


def test_only_the_owner_and_admins_control_a_job(harness):
    harness.submit(asks())
    for verb in (harness.server.cancel, harness.server.stop, harness.server.hold):
        with pytest.raises(ForbiddenError, match="belongs to ada"):
            verb(BOB, "digits-1")
    harness.server.cancel(ROOT, "digits-1")
    assert harness.job("digits-1").state is JobState.CANCELLED


def test_commands_in_the_wrong_state_are_refused(harness):
    harness.submit(asks())
    with pytest.raises(ConflictError, match="only a held job can be released"):
        harness.server.release(ADA, "digits-1")
    with pytest.raises(ConflictError, match="only a failed, stopped or cancelled job"):
        harness.server.retry(ADA, "digits-1")
    harness.run_until_all_ended()
    with pytest.raises(ConflictError, match="nothing to stop"):
        harness.server.stop(ADA, "digits-1")
    with pytest.raises(ServerError, match="there is no job nobody"):
        harness.server.cancel(ADA, "nobody")


def test_silence_is_unknown_and_never_failed(harness):
    harness.submit(asks(), steps=100)
    harness.run(3)
    (process,) = harness.cluster.attempts.values()
    process.is_silent = True
    harness.run(60, every_s=1)
    assert harness.job("digits-1").state is JobState.UNKNOWN
    process.is_silent = False
    harness.run(1)
    assert harness.job("digits-1").state is JobState.RUNNING
    assert harness.job("digits-1").num_attempts == 1


def test_an_attempt_whose_process_is_gone_is_tried_again(harness):
    harness.submit(asks(), steps=100)
    harness.run(5)
    (process,) = harness.cluster.attempts.values()
    process.is_alive = False
    harness.run_until_all_ended(every_s=2)
    assert harness.job("digits-1").state is JobState.FINISHED
    assert [a.end for a in harness.server.details("digits-1").attempts] == ["lost", "finished"]


def test_a_cluster_that_cannot_be_reached_fails_nothing(harness):
    harness.submit(asks(), asks(workers=4), steps=1000)
    harness.run(3)
    harness.cluster.is_reachable = False
    harness.run(200, every_s=2)
    assert harness.job("digits-1").state is JobState.RUNNING
    assert harness.job("digits-2").code == "cluster"
    harness.cluster.is_reachable = True
    harness.run_until_all_ended(steps=100)
    assert harness.job("digits-1").num_attempts == 1


def test_a_head_that_comes_back_empty_loses_no_job(harness):
    harness.submit(asks(workers=2), asks(workers=2), *[asks() for _ in range(20)], steps=50)
    harness.run(5)
    harness.cluster.lose_everything()
    harness.run_until_all_ended(every_s=2, steps=5)
    assert all(job.state is JobState.FINISHED for job in harness.all_jobs())
    assert len(harness.all_jobs()) == 22


def test_a_server_that_is_killed_adopts_what_runs(harness):
    harness.submit(asks(workers=2), asks(workers=4), steps=30)
    harness.run(4)
    harness.restart()
    assert [job.name for job in harness.open_jobs()] == ["digits-1", "digits-2"]
    harness.run_until_all_ended()
    assert [job.num_attempts for job in harness.all_jobs()] == [1, 1]


def test_a_server_killed_between_ledger_and_cluster_starts_the_attempt_once(harness):
    harness.submit(asks())
    harness.cluster.refuses_starts = True
    harness.run(2)
    assert harness.job("digits-1").state is JobState.STARTING
    harness.restart()
    harness.cluster.refuses_starts = False
    harness.run_until_all_ended(every_s=2)
    assert harness.job("digits-1").num_attempts == 1
    assert harness.job("digits-1").state is JobState.FINISHED


def test_a_stale_attempt_is_refused(harness):
    harness.submit(asks(), steps=100)
    harness.run(3)
    (old,) = harness.cluster.attempts.values()
    old.is_silent = True
    harness.cluster.hides.add(old.request.submission)
    harness.run(60, every_s=2)
    assert harness.job("digits-1").num_attempts == 2
    old.is_silent = False
    harness.run(1)
    assert not old.is_alive
    harness.cluster.hides.clear()
    harness.run_until_all_ended(every_s=2, steps=20)


def test_one_that_does_not_give_way_in_time_is_killed(harness):
    harness.submit(asks(workers=4, sets=("queue.grace=20s",)), steps=10_000)
    harness.run(3)
    (deaf,) = harness.cluster.attempts.values()
    deaf.ignores_stop = True
    harness.submit(asks(workers=4, priority=9), steps=5)
    harness.run(100, every_s=2)
    assert not deaf.is_alive
    assert harness.job("digits-2").state is JobState.FINISHED


def test_max_time_stops_and_keeps_what_was_trained(harness):
    harness.submit(asks(sets=("queue.max_time=30s",)), steps=10_000)
    harness.run(60)
    job = harness.job("digits-1")
    assert job.state is JobState.STOPPED
    assert "max_time" in job.reason


def test_user_errors_fail_at_once_and_lost_workers_spend_a_budget(harness):
    harness.submit(asks(), asks(sets=("retry.lost_worker={times: 1, backoff: 1s}",)), steps=1000)
    harness.run(3)
    harness.fail("digits-1", "the network's forward raised", "user_error")
    harness.fail("digits-2", "worker 1 died", "lost_worker")
    harness.run(4)
    assert harness.job("digits-1").state is JobState.FAILED
    assert harness.job("digits-1").error == "the network's forward raised"
    harness.run(6)
    assert harness.job("digits-2").state is JobState.RUNNING
    harness.fail("digits-2", "worker 1 died", "lost_worker")
    harness.run(2)
    assert harness.job("digits-2").state is JobState.FAILED
    assert "retry.lost_worker" in harness.job("digits-2").reason


def test_a_job_that_is_retried_remembers_how_those_ended_that_it_waited_for(harness):
    harness.submit(asks(name="a"), asks(name="b", after=("a",)))
    while harness.job("a").ended_at is None or harness.job("b").started_at is None:
        harness.run(1)
    harness.fail("b", "no such device", "user_error")
    harness.run_until_all_ended()
    harness.server.retry(ADA, "b")
    harness.run_until_all_ended()
    assert harness.job("b").state is JobState.FINISHED


def test_a_job_that_is_retried_is_cancelled_if_its_dependency_cannot_be_met(harness):
    harness.submit(asks(name="a"), asks(name="b", after=("a:failed",)))
    harness.run_until_all_ended()
    assert harness.job("b").state is JobState.CANCELLED
    harness.server.retry(ADA, "b")
    harness.run(2)
    assert harness.job("b").state is JobState.CANCELLED
    assert "a is finished, and this job waited for a:failed" in harness.job("b").reason


def test_an_attempt_that_never_reported_is_lost_with_the_message_of_the_cluster(harness):
    harness.submit(asks())
    harness.cluster.is_silent = True
    harness.run(2)
    (process,) = harness.cluster.attempts.values()
    process.is_alive = False
    harness.cluster.is_silent = False
    harness.run_until_all_ended(every_s=2)
    first, second = harness.server.details("digits-1").attempts
    assert (first.end, second.end) == ("lost", "finished")
    assert "python: not found" in first.error


def test_an_attempt_that_the_cluster_never_starts_is_started_again(harness):
    harness.cluster.is_stuck = True
    harness.submit(asks())
    harness.run(100, every_s=1)
    harness.cluster.is_stuck = False
    harness.run(40, every_s=1)
    assert harness.job("digits-1").num_attempts == 1
    harness.run_until_all_ended(every_s=2)
    first, second = harness.server.details("digits-1").attempts
    assert (first.end, second.end) == ("lost", "finished")
    assert "has not started it for minutes" in first.error


def test_an_attempt_that_has_reported_is_not_started_again_whatever_its_status(harness):
    harness.submit(asks(), steps=1000)
    harness.run(3)
    (process,) = harness.cluster.attempts.values()
    process.is_silent = process.is_pending = True
    harness.run(300, every_s=2)
    assert harness.job("digits-1").state is JobState.UNKNOWN
    assert harness.job("digits-1").num_attempts == 1


def test_nothing_starts_on_a_node_that_is_about_to_go_away(harness):
    harness.submit(asks(), steps=1000)
    harness.run(3)
    (process,) = harness.cluster.attempts.values()
    (node,) = process.placement
    process.draining = (node,)
    harness.run(1)
    process.draining = ()
    harness.submit(asks(workers=3))
    harness.run(5)
    assert harness.job("digits-2").state is JobState.WAITING
    (left,) = [n for n in harness.server.cluster().nodes if n.is_draining]
    assert left.id == node
    assert left.leaving == "digits-1"
    harness.run(130)
    assert harness.job("digits-2").state is not JobState.WAITING


def test_a_job_is_not_resized_to_what_can_never_start(harness):
    harness.server.save_team(ROOT, TeamMessage(name="vision", limit_cpus=3))
    harness.run(1)
    harness.submit(asks(), asks(workers=2, name="pair"))
    with pytest.raises(
        InvalidError, match="4 workers with 1 CPU each need 4 CPUs, but team vision is limited to 3"
    ) as refused:
        harness.server.resize(ADA, "pair", 4)
    assert refused.value.code == "never_fits"
    harness.server.resize(ADA, "pair", 3)
    assert harness.job("pair").fewest == 3
    harness.server.resize(ADA, "pair", 1)
    harness.run_until_all_ended()
    assert harness.job("pair").state is JobState.FINISHED


def test_a_user_resizes_a_job_that_trains(harness):
    harness.submit(asks(workers=4), steps=1000)
    harness.run(3)
    harness.server.resize(ADA, "digits-1", 2)
    harness.run(4)
    assert harness.job("digits-1").workers == 2
    harness.server.resize(ADA, "digits-1", 3)
    harness.run(4)  # at once, though it has changed its workers just now
    assert harness.job("digits-1").workers == 3
    assert harness.job("digits-1").num_attempts == 1


def test_a_user_may_resize_where_the_policy_does_not(harness_url, tmp_path):
    with Harness(harness_url, tmp_path, elastic=False) as harness:
        harness.submit(asks(workers=2), steps=1000)
        harness.run(3)
        harness.server.resize(ADA, "digits-1", 4)
        harness.run(4)
        assert harness.job("digits-1").workers == 4


def test_during_a_resize_the_workers_that_train_are_shown(harness):
    harness.submit(asks(), steps=1000)
    harness.run(70)
    (process,) = harness.cluster.attempts.values()
    process.ignores_stop = True  # it has not saved yet

    harness.server.resize(ADA, "digits-1", 2)
    harness.run(2)
    changing, why = harness.job("digits-1"), harness.server.why("digits-1")
    process.ignores_stop = False
    harness.run(3)
    changed = harness.job("digits-1")

    assert (changing.workers, changing.wanted) == (1, 2)
    assert "resizing from 1 to 2 workers: it saves a checkpoint first" in why.reason
    assert (changed.workers, changed.wanted) == (2, None)


def test_why_names_the_jobs_that_hold_the_capacity_for_a_resize(harness):
    harness.submit(asks(workers=2, name="first"), asks(workers=2, name="other"), steps=1000)
    harness.run(3)
    harness.server.resize(ADA, "first", 4)
    harness.run(1)

    why = harness.server.why("first")

    assert why.reason == ("resizing from 2 to 4 workers: waiting for capacity for 2 more workers")
    assert why.holders == ("other",)
    assert harness.job("first").wanted == 4


def test_why_describes_jobs_that_do_not_wait(harness):
    harness.cluster.is_silent = True
    harness.submit(asks(), steps=5)
    harness.run(1)
    assert harness.server.why("digits-1").reason == "attempt 1 has not reported yet"
    harness.cluster.is_silent = False
    (process,) = harness.cluster.attempts.values()
    process.is_silent = False
    harness.run(2)
    assert harness.server.why("digits-1").reason == "attempt 1 is training"
    harness.run_until_all_ended()
    assert harness.server.why("digits-1").reason == ""
