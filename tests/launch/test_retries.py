import pytest

from distnet.launch.retries import Failure, Retries
from distnet.spec.sections.retry import Retry, RetryLimit


def retries(**changes) -> Retries:
    return Retries(Retry(lost_worker=RetryLimit(times=3), **changes))


def test_each_retry_waits_twice_as_long_up_to_the_longest():
    counted = retries(longest_backoff=3.0)

    waits = [counted.record(Failure("lost_worker", step, 0)) for step in (5, 9, 7, 8)]

    assert waits == [1.0, 2.0, 3.0, None]


def test_progress_resets_the_count():
    counted = retries()
    for step in (5, 9, 7):
        counted.record(Failure("lost_worker", step, 0))

    assert counted.record(Failure("lost_worker", 30, 20)) == 1.0
    assert counted.num_failures("lost_worker") == 1


def test_a_checkpoint_that_is_no_newer_is_no_progress():
    counted = retries()
    for step in (25, 29, 27):
        counted.record(Failure("lost_worker", step, 20))

    assert counted.record(Failure("lost_worker", 28, 20)) is None


def test_each_kind_has_its_own_limit():
    counted = retries(hang={"times": 1, "after": 5.0})
    for step in (5, 9, 7):
        assert counted.record(Failure("lost_worker", step, 0)) is not None

    assert counted.record(Failure("hang", 6, 0)) == 1.0
    assert counted.record(Failure("hang", 8, 0)) is None


def test_a_user_error_is_not_retried():
    assert retries().record(Failure("user_error", 3, 0)) is None


@pytest.mark.parametrize("kind", ["lost_worker", "out_of_memory"])
def test_the_same_failure_at_the_same_step_is_poison(kind):
    counted = Retries(Retry(lost_worker=RetryLimit(times=9), out_of_memory=RetryLimit(times=9)))

    waits = [counted.record(Failure(kind, 41, 30)) for _ in range(3)]

    assert waits[:2] == [pytest.approx(waits[0]), pytest.approx(2 * waits[0])]
    assert waits[2] is None
    assert counted.is_poisoned


def test_preemptions_at_one_step_are_no_poison():
    counted = retries()

    for _ in range(5):
        assert counted.record(Failure("preemption", 41, 30)) is not None
    assert not counted.is_poisoned


def test_failures_before_a_step_began_are_no_poison():
    counted = Retries(Retry(lost_worker=RetryLimit(times=9)))

    for _ in range(5):
        assert counted.record(Failure("lost_worker", None, 30)) is not None
    assert not counted.is_poisoned
