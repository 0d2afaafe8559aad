import pytest

from distnet.launch.budget import Budgets, Failure
from distnet.spec.sections.retry import Budget, Retry


def budgets(**changes) -> Budgets:
    return Budgets(Retry(lost_worker=Budget(times=3), **changes))


def test_each_retry_waits_twice_as_long_up_to_the_longest():
    spent = budgets(longest_backoff=3.0)

    waits = [spent.spend(Failure("lost_worker", step, 0)) for step in (5, 9, 7, 8)]

    assert waits == [1.0, 2.0, 3.0, None]


def test_progress_gives_the_whole_budget_back():
    spent = budgets()
    for step in (5, 9, 7):
        spent.spend(Failure("lost_worker", step, 0))

    assert spent.spend(Failure("lost_worker", 30, 20)) == 1.0
    assert spent.num_failures("lost_worker") == 1


def test_a_checkpoint_that_is_no_newer_is_no_progress():
    spent = budgets()
    for step in (25, 29, 27):
        spent.spend(Failure("lost_worker", step, 20))

    assert spent.spend(Failure("lost_worker", 28, 20)) is None


def test_kinds_have_budgets_of_their_own():
    spent = budgets(hang={"times": 1, "after": 5.0})
    for step in (5, 9, 7):
        assert spent.spend(Failure("lost_worker", step, 0)) is not None

    assert spent.spend(Failure("hang", 6, 0)) == 1.0
    assert spent.spend(Failure("hang", 8, 0)) is None


def test_a_mistake_of_the_user_is_not_tried_again():
    assert budgets().spend(Failure("user_error", 3, 0)) is None


@pytest.mark.parametrize("kind", ["lost_worker", "out_of_memory"])
def test_the_same_failure_at_the_same_step_is_poison(kind):
    spent = Budgets(Retry(lost_worker=Budget(times=9), out_of_memory=Budget(times=9)))

    waits = [spent.spend(Failure(kind, 41, 30)) for _ in range(3)]

    assert waits[:2] == [pytest.approx(waits[0]), pytest.approx(2 * waits[0])]
    assert waits[2] is None
    assert spent.is_poisoned


def test_preemptions_at_one_step_are_no_poison():
    spent = budgets()

    for _ in range(5):
        assert spent.spend(Failure("preemption", 41, 30)) is not None
    assert not spent.is_poisoned


def test_failures_before_a_step_began_are_no_poison():
    spent = Budgets(Retry(lost_worker=Budget(times=9)))

    for _ in range(5):
        assert spent.spend(Failure("lost_worker", None, 30)) is not None
    assert not spent.is_poisoned
