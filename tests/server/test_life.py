"""What becomes of jobs: a whole server in this process, on real ledgers, a cluster in memory."""

import pytest

from distnet.server.errors import ConflictError, ForbiddenError, InvalidError, ServerError
from distnet.server.messages.people import TeamMessage
from distnet.server.states import JobState
from tests.server.world import ADA, BOB, ROOT, World, asks


@pytest.fixture
def world(ledger_url, tmp_path):
    with World(ledger_url, tmp_path) as world:
        yield world


def test_a_job_is_queued_started_and_finished(world):
    (job,) = world.submit(asks())
    assert (job.name, job.state, job.owner) == ("digits-1", JobState.WAITING, "ada")

    world.run(2)
    assert world.job("digits-1").state is JobState.RUNNING
    world.run_until_all_ended()

    done = world.job("digits-1")
    assert done.state is JobState.FINISHED
    assert done.weights_sha256 == "ab" * 32
    assert world.kinds("digits-1") == ["submitted", "started", "state", "ended"]


def test_the_same_key_is_the_same_job(world):
    (first,) = world.submit(asks(key="same-key-1"))
    (again,) = world.submit(asks(key="same-key-1"))
    assert again.name == first.name
    (other,) = world.submit(asks(key="same-key-1"), user=BOB)
    assert other.name != first.name


def test_a_gang_waits_whole_until_there_is_room_for_all_of_it(world):
    world.submit(asks(workers=3), asks(workers=3))
    world.run(3)
    assert [job.state for job in world.open_jobs()] == [JobState.RUNNING, JobState.WAITING]
    waiting = world.job("digits-2")
    assert waiting.position == 1
    assert waiting.reason
    world.run_until_all_ended()
    assert world.job("digits-2").state is JobState.FINISHED


def test_what_can_never_fit_is_refused_at_submit(world):
    world.run(1)
    with pytest.raises(InvalidError, match=r"needs .*node-a: 2 CPUs"):
        world.submit(asks(sets=("resources.cpus=3",)))


def test_a_higher_priority_takes_the_place_and_no_step_is_made_twice(world):
    world.submit(asks(workers=4))
    world.run(4)
    world.submit(asks(workers=4, priority=5))
    world.run_until_all_ended()

    low, high = world.job("digits-1"), world.job("digits-2")
    assert (low.state, high.state) == (JobState.FINISHED, JobState.FINISHED)
    assert high.ended_at < low.ended_at
    first, second = world.server.details("digits-1").attempts
    assert (first.end, first.stop) == ("stopped", "preempt")
    assert world.cluster.begins["digits-1"] == [0, first.step]


def test_after_waits_for_the_end_and_start_from_must_be_one_of_them(world):
    world.submit(asks(), asks(after=("digits-1",), start_from="digits-1"))
    world.run(3)
    assert world.job("digits-2").code == "after"
    world.run_until_all_ended()
    assert world.job("digits-2").started_at >= world.job("digits-1").ended_at


def test_a_dependency_that_cannot_come_true_cancels_what_waits_for_it_in_turn(world):
    world.submit(asks(), asks(after=("digits-1",)), asks(after=("digits-2:any",)))
    world.server.cancel(ADA, "digits-1")
    world.run_until_all_ended()
    assert world.job("digits-2").state is JobState.CANCELLED
    assert "digits-1 cancelled" in world.job("digits-2").reason
    assert world.job("digits-3").state is JobState.FINISHED


@pytest.mark.parametrize("after", ["nobody", "digits-1:later", "digits-9:ok"])
def test_an_unknown_dependency_is_refused(world, after):
    world.submit(asks())
    with pytest.raises(InvalidError) as error:
        world.submit(asks(after=(after,)))
    assert error.value.code == "unknown_dependency"
    assert len(world.open_jobs()) == 1


def test_jobs_that_wait_for_each_other_are_refused(world):
    with pytest.raises(InvalidError, match="wait for each other") as error:
        world.submit(asks(name="a", after=("b",)), asks(name="b", after=("a",)))
    assert error.value.code == "cycle"
    assert world.open_jobs() == []


def test_a_sweep_makes_a_job_for_each_combination(world):
    jobs = world.submit(asks(sweep=("train.seed=1..3", "train.batch_size=64,128")))
    assert [job.name for job in jobs] == [f"digits-{n}" for n in range(1, 7)]
    assert {job.array for job in jobs} == {"digits"}
    texts = [world.server.details(job.name).spec for job in jobs]
    assert "seed: 3" in texts[-1]
    assert "batch_size: 128" in texts[-1]
    world.run_until_all_ended()


def test_stop_saves_and_retry_goes_on(world):
    world.submit(asks())
    world.run(4)
    world.server.stop(ADA, "digits-1")
    world.run(4)
    assert world.job("digits-1").state is JobState.STOPPED
    world.server.retry(ADA, "digits-1")
    world.run_until_all_ended()
    assert world.job("digits-1").state is JobState.FINISHED
    begins = world.cluster.begins["digits-1"]
    assert begins[1] == world.server.details("digits-1").attempts[0].step


def test_cancel_hold_release(world):
    world.submit(asks(hold=True), asks(), asks())
    world.run(3)
    assert world.job("digits-1").code == "held"
    world.server.cancel(ADA, "digits-2")
    world.server.hold(ADA, "digits-3")
    world.run(4)
    assert world.job("digits-2").state is JobState.CANCELLED
    assert world.job("digits-3").state is JobState.HELD
    world.server.release(ADA, "digits-1")
    world.server.release(ADA, "digits-3")
    world.run_until_all_ended()
    assert world.job("digits-3").state is JobState.FINISHED


def test_only_the_owner_and_admins_steer(world):
    world.submit(asks())
    for verb in (world.server.cancel, world.server.stop, world.server.hold):
        with pytest.raises(ForbiddenError, match="belongs to ada"):
            verb(BOB, "digits-1")
    world.server.cancel(ROOT, "digits-1")
    assert world.job("digits-1").state is JobState.CANCELLED


def test_verbs_that_do_not_fit_the_state_say_so(world):
    world.submit(asks())
    with pytest.raises(ConflictError, match="only a job that is held"):
        world.server.release(ADA, "digits-1")
    with pytest.raises(ConflictError, match="only a job that failed"):
        world.server.retry(ADA, "digits-1")
    world.run_until_all_ended()
    with pytest.raises(ConflictError, match="nothing to stop"):
        world.server.stop(ADA, "digits-1")
    with pytest.raises(ServerError, match="there is no job nobody"):
        world.server.cancel(ADA, "nobody")


def test_silence_is_unknown_and_never_failed(world):
    world.submit(asks(), steps=100)
    world.run(3)
    (process,) = world.cluster.attempts.values()
    process.is_mute = True
    world.run(60, every_s=1)
    assert world.job("digits-1").state is JobState.UNKNOWN
    process.is_mute = False
    world.run(1)
    assert world.job("digits-1").state is JobState.RUNNING
    assert world.job("digits-1").num_attempts == 1


def test_an_attempt_whose_process_is_gone_is_tried_again(world):
    world.submit(asks(), steps=100)
    world.run(5)
    (process,) = world.cluster.attempts.values()
    process.is_alive = False
    world.run_until_all_ended(every_s=2)
    assert world.job("digits-1").state is JobState.FINISHED
    assert [a.end for a in world.server.details("digits-1").attempts] == ["lost", "finished"]


def test_a_cluster_that_cannot_be_reached_fails_nothing(world):
    world.submit(asks(), asks(workers=4), steps=1000)
    world.run(3)
    world.cluster.is_reachable = False
    world.run(200, every_s=2)
    assert world.job("digits-1").state is JobState.RUNNING
    assert world.job("digits-2").code == "cluster"
    world.cluster.is_reachable = True
    world.run_until_all_ended(steps=100)
    assert world.job("digits-1").num_attempts == 1


def test_a_head_that_comes_back_empty_loses_no_job(world):
    world.submit(asks(workers=2), asks(workers=2), *[asks() for _ in range(20)], steps=50)
    world.run(5)
    world.cluster.lose_everything()
    world.run_until_all_ended(every_s=2, steps=5)
    assert all(job.state is JobState.FINISHED for job in world.all_jobs())
    assert len(world.all_jobs()) == 22


def test_a_server_that_is_killed_adopts_what_runs(world):
    world.submit(asks(workers=2), asks(workers=4), steps=30)
    world.run(4)
    world.restart()
    assert [job.name for job in world.open_jobs()] == ["digits-1", "digits-2"]
    world.run_until_all_ended()
    assert [job.num_attempts for job in world.all_jobs()] == [1, 1]


def test_a_server_killed_between_ledger_and_cluster_starts_the_attempt_once(world):
    world.submit(asks())
    world.cluster.refuses_starts = True
    world.run(2)
    assert world.job("digits-1").state is JobState.STARTING
    world.restart()
    world.cluster.refuses_starts = False
    world.run_until_all_ended(every_s=2)
    assert world.job("digits-1").num_attempts == 1
    assert world.job("digits-1").state is JobState.FINISHED


def test_a_stale_attempt_is_told_to_end(world):
    world.submit(asks(), steps=100)
    world.run(3)
    (old,) = world.cluster.attempts.values()
    old.is_mute = True
    world.cluster.hides.add(old.order.submission)
    world.run(60, every_s=2)
    assert world.job("digits-1").num_attempts == 2
    old.is_mute = False
    world.run(1)
    assert not old.is_alive
    world.cluster.hides.clear()
    world.run_until_all_ended(every_s=2, steps=20)


def test_one_that_does_not_give_way_in_time_is_killed(world):
    world.submit(asks(workers=4, sets=("queue.grace=20s",)), steps=10_000)
    world.run(3)
    (deaf,) = world.cluster.attempts.values()
    deaf.is_deaf = True
    world.submit(asks(workers=4, priority=9), steps=5)
    world.run(100, every_s=2)
    assert not deaf.is_alive
    assert world.job("digits-2").state is JobState.FINISHED


def test_max_time_stops_and_keeps_what_was_trained(world):
    world.submit(asks(sets=("queue.max_time=30s",)), steps=10_000)
    world.run(60)
    job = world.job("digits-1")
    assert job.state is JobState.STOPPED
    assert "max_time" in job.reason


def test_user_errors_fail_at_once_and_lost_workers_spend_a_budget(world):
    world.submit(asks(), asks(sets=("retry.lost_worker={times: 1, backoff: 1s}",)), steps=1000)
    world.run(3)
    world.fail("digits-1", "the network's forward raised", "user_error")
    world.fail("digits-2", "worker 1 died", "lost_worker")
    world.run(4)
    assert world.job("digits-1").state is JobState.FAILED
    assert world.job("digits-1").error == "the network's forward raised"
    world.run(6)
    assert world.job("digits-2").state is JobState.RUNNING
    world.fail("digits-2", "worker 1 died", "lost_worker")
    world.run(2)
    assert world.job("digits-2").state is JobState.FAILED
    assert "retry.lost_worker" in world.job("digits-2").reason


def test_a_job_that_is_retried_remembers_how_those_ended_that_it_waited_for(world):
    world.submit(asks(name="a"), asks(name="b", after=("a",)))
    while world.job("a").ended_at is None or world.job("b").started_at is None:
        world.run(1)
    world.fail("b", "no such device", "user_error")
    world.run_until_all_ended()
    world.server.retry(ADA, "b")
    world.run_until_all_ended()
    assert world.job("b").state is JobState.FINISHED


def test_a_job_that_is_retried_gives_up_on_what_cannot_come_true_any_more(world):
    world.submit(asks(name="a"), asks(name="b", after=("a:failed",)))
    world.run_until_all_ended()
    assert world.job("b").state is JobState.CANCELLED
    world.server.retry(ADA, "b")
    world.run(2)
    assert world.job("b").state is JobState.CANCELLED
    assert "a finished" in world.job("b").reason


def test_an_attempt_that_never_spoke_is_lost_with_the_last_words_of_the_cluster(world):
    world.submit(asks())
    world.cluster.is_mute = True
    world.run(2)
    (process,) = world.cluster.attempts.values()
    process.is_alive = False
    world.cluster.is_mute = False
    world.run_until_all_ended(every_s=2)
    first, second = world.server.details("digits-1").attempts
    assert (first.end, second.end) == ("lost", "finished")
    assert "python: not found" in first.error


def test_an_attempt_that_the_cluster_never_begins_is_begun_anew(world):
    world.cluster.is_stuck = True
    world.submit(asks())
    world.run(100, every_s=1)
    world.cluster.is_stuck = False
    world.run(40, every_s=1)
    assert world.job("digits-1").num_attempts == 1
    world.run_until_all_ended(every_s=2)
    first, second = world.server.details("digits-1").attempts
    assert (first.end, second.end) == ("lost", "finished")
    assert "has not begun it" in first.error


def test_an_attempt_that_has_spoken_is_not_begun_anew_whatever_the_cluster_calls_it(world):
    world.submit(asks(), steps=1000)
    world.run(3)
    (process,) = world.cluster.attempts.values()
    process.is_mute = process.is_pending = True
    world.run(300, every_s=2)
    assert world.job("digits-1").state is JobState.UNKNOWN
    assert world.job("digits-1").num_attempts == 1


def test_nothing_starts_on_a_node_that_is_about_to_go_away(world):
    world.submit(asks(), steps=1000)
    world.run(3)
    (process,) = world.cluster.attempts.values()
    (node,) = process.placement
    process.draining = (node,)
    world.run(1)
    process.draining = ()
    world.submit(asks(workers=3))
    world.run(5)
    assert world.job("digits-2").state is JobState.WAITING
    (left,) = [n for n in world.server.cluster().nodes if n.is_draining]
    assert left.id == node
    world.run(130)
    assert world.job("digits-2").state is not JobState.WAITING


def test_a_job_is_not_resized_to_what_can_never_start(world):
    world.server.save_team(ROOT, TeamMessage(name="vision", limit_cpus=3))
    world.run(1)
    world.submit(asks(), asks(workers=2, name="pair"))
    with pytest.raises(InvalidError, match="may never have more than 3") as refused:
        world.server.resize(ADA, "pair", 4)
    assert refused.value.code == "never_fits"
    world.server.resize(ADA, "pair", 3)
    assert world.job("pair").fewest == 3
    world.server.resize(ADA, "pair", 1)
    world.run_until_all_ended()
    assert world.job("pair").state is JobState.FINISHED


def test_a_user_resizes_a_job_that_trains(world):
    world.submit(asks(workers=4), steps=1000)
    world.run(3)
    world.server.resize(ADA, "digits-1", 2)
    world.run(4)
    assert world.job("digits-1").workers == 2
    world.server.resize(ADA, "digits-1", 3)
    world.run(4)  # at once, though it has changed its workers just now
    assert world.job("digits-1").workers == 3
    assert world.job("digits-1").num_attempts == 1


def test_a_user_may_resize_where_the_policy_resizes_nobody(ledger_url, tmp_path):
    with World(ledger_url, tmp_path, elastic=False) as world:
        world.submit(asks(workers=2), steps=1000)
        world.run(3)
        world.server.resize(ADA, "digits-1", 4)
        world.run(4)
        assert world.job("digits-1").workers == 4


def test_while_the_workers_change_those_that_train_are_told(world):
    world.submit(asks(), steps=1000)
    world.run(70)
    (process,) = world.cluster.attempts.values()
    process.is_deaf = True  # it has not saved yet

    world.server.resize(ADA, "digits-1", 2)
    world.run(2)
    changing, why = world.job("digits-1"), world.server.why("digits-1")
    process.is_deaf = False
    world.run(3)
    changed = world.job("digits-1")

    assert (changing.workers, changing.wanted) == (1, 2)
    assert "asked for 2 workers, 1 now; it goes on with them when it has saved" in why.reason
    assert (changed.workers, changed.wanted) == (2, None)


def test_why_tells_who_holds_the_room_for_more_workers(world):
    world.submit(asks(workers=2, name="first"), asks(workers=2, name="other"), steps=1000)
    world.run(3)
    world.server.resize(ADA, "first", 4)
    world.run(1)

    why = world.server.why("first")

    assert why.reason == "asked for 4 workers, 2 now; there is no room yet for 2 more"
    assert why.holders == ("other",)
    assert world.job("first").wanted == 4


def test_why_speaks_plainly_of_jobs_that_do_not_wait(world):
    world.cluster.is_mute = True
    world.submit(asks(), steps=5)
    world.run(1)
    assert world.server.why("digits-1").reason == "its attempt 1 has not spoken yet"
    world.cluster.is_mute = False
    (process,) = world.cluster.attempts.values()
    process.is_mute = False
    world.run(2)
    assert world.server.why("digits-1").reason == "its attempt 1 trains"
    world.run_until_all_ended()
    assert world.server.why("digits-1").reason == ""
