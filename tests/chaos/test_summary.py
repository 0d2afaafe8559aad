"""The figures over all trials."""

import math

import pytest

from distnet.chaos.summary import failure_bound, percentile, summarise


def hit(kind: str, recovery_s: float | None, recomputed: int | None):
    return {"kind": kind, "recovery_s": recovery_s, "recomputed": recomputed}


def trial(*hits, is_passed: bool = True, is_equal: bool = True, misses: int = 0):
    return {"hits": hits, "is_passed": is_passed, "is_equal": is_equal, "misses": misses}


def test_failure_bound_without_failures_has_a_closed_form():
    assert failure_bound(0, 60) == pytest.approx(1 - 0.05 ** (1 / 60))
    assert failure_bound(0, 1) == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("failures", "trials", "bound"),
    [(1, 10, 0.39416), (3, 20, 0.34366), (5, 10, 0.77756), (10, 100, 0.16372)],
)
def test_failure_bound_agrees_with_tables_of_clopper_and_pearson(failures, trials, bound):
    assert failure_bound(failures, trials) == pytest.approx(bound, abs=1e-4)


def test_failure_bound_is_where_so_few_failures_have_a_chance_of_5_percent():
    p = failure_bound(2, 30)

    chance = sum(math.comb(30, k) * p**k * (1 - p) ** (30 - k) for k in range(3))
    assert chance == pytest.approx(0.05)


@pytest.mark.parametrize(("failures", "trials"), [(0, 0), (3, 3)])
def test_failure_bound_excludes_nothing_when_nothing_went_well(failures, trials):
    assert failure_bound(failures, trials) == 1.0


def test_percentile_is_a_value_that_occurred():
    assert percentile([], 0.5) is None
    assert percentile([3.0], 0.95) == 3.0
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.0
    assert percentile(range(1, 101), 0.95) == 95


def test_summarise_counts_processes_and_nodes_apart():
    figures = summarise(
        [
            trial(hit("worker0", 5.0, 10), hit("driver", 20.0, 30)),
            trial(hit("raylet", 40.0, 7), misses=2),
            trial(hit("plan", 9.0, 0)),
            trial(hit("stop", None, None), is_passed=False, is_equal=False),
        ]
    )

    assert (figures["trials"], figures["passed"], figures["equal"]) == (4, 3, 3)
    assert (figures["faults"], figures["recoveries"], figures["misses"]) == (5, 4, 2)
    assert figures["steps_recomputed"] == 47
    assert list(figures["kinds"]) == ["worker0", "driver", "raylet", "stop", "plan"]
    assert figures["kinds"]["stop"]["recoveries"] == 0
    assert figures["kinds"]["stop"]["p95_s"] is None
    assert (figures["groups"]["process"]["p50_s"], figures["groups"]["process"]["p95_s"]) == (5, 20)
    assert figures["groups"]["node"]["p95_s"] == 40
    assert figures["failure_bound"] == pytest.approx(failure_bound(1, 4))
