"""Successive halving: the same trials go on in whichever order they come to their rungs."""

import math
import random
from dataclasses import replace

import pytest

from distnet.spec.halving import ETA, Contender, compare, rung_epoch, rungs_of
from distnet.spec.metric import Metric

ACCURACY = Metric("accuracy", "percent", "higher")
LOSS = Metric("loss")


@pytest.mark.parametrize(
    ("lengths", "parts"),
    [
        ([9] * 2, []),
        ([9] * 3, [1 / 3]),
        ([27] * 26, [1 / 9, 1 / 3]),
        ([27] * 27, [1 / 27, 1 / 9, 1 / 3]),
        ([10] * 27, [1 / 9, 1 / 3]),
        ([2] * 27, []),
        ([27] * 26 + [3], [1 / 3]),
        ([None] * 9, [1 / 9, 1 / 3]),
    ],
)
def test_rungs_need_three_trials_and_an_epoch_each(
    lengths: list[int | None], parts: list[float]
) -> None:
    assert rungs_of(lengths) == pytest.approx(parts)


def test_a_rung_is_after_a_whole_epoch() -> None:
    assert [rung_epoch(9, 1 / 3), rung_epoch(10, 1 / 3), rung_epoch(2, 1 / 9)] == [3, 4, 1]


def test_a_trial_waits_until_the_others_can_no_longer_change_its_fate() -> None:
    """Of five trials one goes on."""
    values = {"a": 0.5, "b": 0.9, "c": 0.7}
    known = [Contender(name, (values[name],) if name in values else ()) for name in "abcde"]

    verdicts = compare(known, 1, ACCURACY)

    assert {name for name, one in verdicts.items() if one.is_out} == {"a", "c"}
    assert (verdicts["a"].kept, verdicts["a"].place, verdicts["a"].chosen) == (1, 2, ("b",))
    assert (verdicts["b"].passed, verdicts["b"].missing) == (0, ("d", "e"))
    ended = [replace(one, has_ended=one.name in "de") for one in known]
    assert compare(ended, 1, ACCURACY)["b"].passed == 1


def test_lower_is_better_where_the_metric_says_so_and_nan_is_the_worst() -> None:
    values = {"a": math.nan, "b": None, "c": 3.0, "d": 0.2, "e": 0.2, "f": 1.0}
    known = [Contender(name, (value,)) for name, value in values.items()]

    verdicts = compare(known, 1, LOSS)

    assert [name for name, one in verdicts.items() if one.passed] == ["d", "e"]
    assert [verdicts[name].place for name in "abcf"] == [4, 5, 3, 2]


def test_what_has_gone_on_once_goes_on_and_a_retried_trial_takes_no_place() -> None:
    """Of three trials one goes on; a was let on while c had failed, and c is retried since."""
    known = [Contender("a", (0.5,), passed=1), Contender("b", (0.4,), True), Contender("c", (0.9,))]

    verdicts = compare(known, 1, ACCURACY)

    assert (verdicts["a"].passed, verdicts["c"].passed) == (1, 1)
    assert verdicts["b"].is_out


def test_a_failed_trial_keeps_what_it_was_measured_at() -> None:
    known = [Contender("a", (0.9,), has_ended=True), Contender("b", (0.5,)), Contender("c", (0.4,))]

    assert [one.is_out for one in compare(known, 1, ACCURACY).values()] == [False, True, True]


@pytest.mark.parametrize("count", [3, 4, 9, 13, 28])
def test_any_order_of_events_gives_the_decisions_of_rungs_that_wait_for_all(count: int) -> None:
    """Source: algorithm 1 of Jamieson and Talwalkar, with all trials of a rung in turn."""
    for seed in range(8):
        draws = random.Random(100 * count + seed)
        num_rungs = len(rungs_of([81] * count))
        curves = [[draws.randrange(8) / 8 for _ in range(num_rungs)] for _ in range(count)]
        fails_at = [draws.choice([*range(num_rungs + 1), *[99] * 6]) for _ in range(count)]

        assert arrive(curves, fails_at, draws) == in_turn(curves, fails_at)


def in_turn(curves: list[list[float]], fails_at: list[int]) -> list[int]:
    """At how many rungs each trial went on, if every rung waits for all."""
    passed, left = [0] * len(curves), list(range(len(curves)))
    for rung in range(len(curves[0])):
        best = sorted(left, key=lambda one: -curves[one][rung] if fails_at[one] > rung else 1.0)
        kept = set(best[: max(1, len(left) // ETA)])
        left = [one for one in left if one in kept]
        for one in left:
            passed[one] = rung + 1
    return passed


def arrive(curves: list[list[float]], fails_at: list[int], draws: random.Random) -> list[int]:
    """The same, if trials come to their rungs in any order, and are compared after each event."""
    known = [Contender(str(one)) for one in range(len(curves))]
    while True:
        verdicts = compare(known, len(curves[0]), ACCURACY)
        assert all(verdicts[one.name].passed >= one.passed for one in known)
        known = [replace(one, passed=verdicts[one.name].passed) for one in known]
        trains = [one for one in known if not one.has_ended and len(one.values) == one.passed]
        if not trains:
            assert all(one.has_ended or verdicts[one.name].is_out for one in known)
            return [one.passed for one in known]
        trial = int(draws.choice(trains).name)
        rung = len(known[trial].values)
        if rung == len(curves[0]) or fails_at[trial] <= rung:
            known[trial] = replace(known[trial], has_ended=True)
        else:
            values = (*known[trial].values, curves[trial][rung])
            known[trial] = replace(known[trial], values=values)
