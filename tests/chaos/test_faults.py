"""Which faults are drawn: the same for the same seed, for each trial by itself."""

import pytest

from distnet.chaos.faults import KINDS, draw_faults, read_kinds
from distnet.errors import RunError


def draw(trial: int, **others):
    options = {"seed": 7, "count": 1, "num_steps": 1000} | others
    return draw_faults(("worker0", "driver"), trial=trial, **options)


def test_read_kinds_takes_worker_for_both_kinds_of_worker():
    assert read_kinds("worker,driver") == ("worker0", "other", "driver")
    assert read_kinds(" plan , worker0,worker ") == ("plan", "worker0", "other")


@pytest.mark.parametrize("text", ["", ",", "driver,laptop", "Driver"])
def test_read_kinds_names_the_known_ones_when_one_is_unknown(text):
    with pytest.raises(RunError, match=", ".join(["worker", *KINDS])):
        read_kinds(text)


def test_draw_faults_repeats_itself_for_a_seed_and_differs_for_another():
    assert [draw(trial) for trial in range(20)] == [draw(trial) for trial in range(20)]
    assert [draw(trial) for trial in range(20)] != [draw(trial, seed=8) for trial in range(20)]


def test_draw_faults_takes_kinds_in_turn_over_trials():
    assert [draw(trial)[0].kind for trial in range(4)] == ["worker0", "driver"] * 2
    assert [f.kind for trial in range(2) for f in draw(trial, count=3)] == ["worker0", "driver"] * 3


def test_draw_faults_keeps_inside_the_run_and_in_order():
    drawn = [draw(trial, count=5) for trial in range(200)]

    steps = [[fault.step for fault in faults] for faults in drawn]
    assert steps == [sorted(trial) for trial in steps]
    assert min(min(trial) for trial in steps) >= 1
    assert 900 < max(max(trial) for trial in steps) <= 999
    assert all(0 <= fault.choice < 1 for faults in drawn for fault in faults)


def test_draw_faults_comes_earlier_after_a_miss():
    for misses, last in ((1, 499), (2, 249), (20, 1)):
        steps = [draw(trial, misses=misses)[0].step for trial in range(100)]
        assert 1 <= min(steps) <= max(steps) <= last


def test_draw_faults_finds_a_step_in_a_run_of_one_step():
    assert draw(0, num_steps=1)[0].step == 1
