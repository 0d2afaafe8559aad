"""Seconds, efficiency and cost against closed forms; what can only grow, grows."""

import pytest

from distnet.cluster.forecast.choose import Wish, choose, read_workers
from distnet.cluster.forecast.exchange import Link, exact_sum, fast_sum
from distnet.cluster.forecast.forecast import Terms, forecast, most_workers
from distnet.cluster.forecast.layout import Layout
from distnet.errors import DistnetError
from tests.cluster.forecast.paces import make_job, make_pace

LINK = Link(bytes_per_s=12.5e6, latency_s=1e-3, message_s=0.0)
LONG, SHORT = 16 * 65_536, 1000
POWERS = [1, 2, 4, 8, 16]


def test_one_worker_exchanges_nothing() -> None:
    (row,) = forecast(make_pace(), make_job(), Terms(LINK), [1])

    assert row.exchange.seconds == 0
    assert row.step_s == pytest.approx(16 * 0.010 + 0.001)
    assert row.efficiency == pytest.approx(1)
    assert row.samples_per_s == pytest.approx(64 / row.step_s)


@pytest.mark.parametrize("hosts", [2, 4, 16])
def test_long_rows_take_two_rounds_and_the_bytes_of_a_ring(hosts: int) -> None:
    cost = exact_sum(Layout(hosts), hosts, LONG, LINK, number_s=0.0)

    assert cost.latency_s == pytest.approx(2 * 2 * 1e-3)  # each round: ready, then the data
    assert cost.bandwidth_s == pytest.approx(2 * (hosts - 1) / hosts * 4 * LONG / 12.5e6)
    assert cost.additions_s == cost.messages_s == 0


def test_short_rows_take_one_round_and_grow_with_the_hosts() -> None:
    costs = [exact_sum(Layout(hosts), hosts, SHORT, LINK, 0.0) for hosts in (2, 3, 5)]

    assert {cost.latency_s for cost in costs} == {2e-3}
    one = 4 * SHORT / 12.5e6
    assert [cost.bandwidth_s for cost in costs] == pytest.approx([one, 2 * one, 4 * one])


def test_two_levels_cross_the_link_once_for_all_workers_of_a_host() -> None:
    flat = exact_sum(Layout(8), 8, LONG, LINK, 0.0)
    two_levels = exact_sum(Layout(8, 4), 8, LONG, LINK, 0.0)

    assert two_levels.bandwidth_s == pytest.approx(4 * LONG / 12.5e6)
    assert two_levels.bandwidth_s < flat.bandwidth_s


def test_gpus_of_a_host_share_its_link() -> None:
    apart = exact_sum(Layout(8, 1, has_shared_memory=False), 8, LONG, LINK, 0.0)
    together = exact_sum(Layout(8, 4, has_shared_memory=False), 8, LONG, LINK, 0.0)

    # Half of what 8 GPUs send stays inside, but four of them share one link.
    assert together.bandwidth_s == pytest.approx(apart.bandwidth_s * 4 * 4 / 7)


def test_workers_of_one_host_wait_for_no_link() -> None:
    cost = exact_sum(Layout(4, 4), 8, LONG, LINK, number_s=1e-9)

    assert cost.bandwidth_s == cost.latency_s == 0
    # Each adds up a quarter of 4 rows, then copies the total.
    assert cost.additions_s == pytest.approx((3 / 4 + 1) * LONG * 1e-9)


def test_a_ring_pays_the_latency_at_every_turn() -> None:
    slow = fast_sum(Layout(4), 1000, LINK, 0.0)
    fast = fast_sum(Layout(4), 100_000_000, LINK, 0.0)

    assert slow.seconds == pytest.approx(2 * 3 * 2e-3, rel=0.05)
    assert fast.seconds == pytest.approx(2 * 3 / 4 * 4e8 / 12.5e6, rel=0.05)
    assert fast_sum(Layout(4, 4), 1000, LINK, 0.0).seconds == 0


def test_a_slower_link_never_helps_and_more_slices_a_worker_never_do() -> None:
    def steps(link: Link) -> list[float]:
        return [row.step_s for row in forecast(make_pace(), make_job(), Terms(link), POWERS)]

    fast, slow = steps(LINK), steps(Link(1e6, 5e-3))
    assert all(a <= b for a, b in zip(fast, slow, strict=True))
    free = forecast(make_pace(), make_job(), Terms(Link(1e15, 0.0, 0.0)), POWERS)
    assert [row.step_s for row in free] == sorted((row.step_s for row in free), reverse=True)
    assert all(row.efficiency <= 1 for row in free)


def test_workers_that_do_not_divide_the_slices_wait_for_the_busiest() -> None:
    five, six = forecast(make_pace(), make_job(), Terms(LINK), [5, 6])

    assert five.compute_s == pytest.approx(4 * 0.010 + 0.001)
    assert six.compute_s == pytest.approx(3 * 0.010 + 0.001)


def test_a_slice_each_gets_small_and_its_least_time_limits() -> None:
    job, terms = make_job(), Terms(Link(1e15, 0.0, 0.0), has_slice_each=True)
    one, many = forecast(make_pace(number_s=0.0), job, terms, [1, 64])

    assert (one.slices, many.slices) == (1, 64)
    assert one.compute_s == pytest.approx(0.002 + 64 * 0.002 + 0.001)
    assert many.compute_s == pytest.approx(0.002 + 0.002 + 0.001)
    assert many.limit == "batch"
    assert most_workers(job, has_slice_each=True) == 64
    assert most_workers(job, has_slice_each=False) == 16


def test_phases_that_are_rare_count_less() -> None:
    every = forecast(make_pace(row_lengths=((LONG, 1),)), make_job(), Terms(LINK), [2])[0]
    rare = forecast(make_pace(row_lengths=((LONG, 5),)), make_job(), Terms(LINK), [2])[0]

    assert rare.exchange.seconds == pytest.approx(every.exchange.seconds / 5)


def test_the_run_is_start_steps_evaluations_and_checkpoints() -> None:
    job, pace = make_job("checkpoint: {every: 1h}\n"), make_pace()
    terms = Terms(LINK, price=2.0, per_host=2, store_bytes_per_s=8e6, start_s=30)
    (row,) = forecast(pace, job, terms, [4])

    assert row.num_evaluations == 2
    train_s = 1000 * row.step_s + 2 * row.evaluation_s
    copy_s = 2_000_000 * 1e-10
    checkpoint_s = (train_s / 3600 + 1) * copy_s + 1.0  # the last one is waited for
    assert row.run_s == pytest.approx(30 + train_s + checkpoint_s)
    assert row.cost == pytest.approx(2 * 2.0 * row.run_s / 3600)


def test_the_best_is_the_fastest_or_with_a_deadline_the_cheapest() -> None:
    rows = forecast(make_pace(), make_job(), Terms(LINK, price=1.0), POWERS)
    fastest = min(rows, key=lambda row: row.run_s)

    assert choose(rows, Wish()) == fastest
    assert (
        choose(rows, Wish(deadline_s=rows[0].run_s + 1)) == rows[0]
    )  # one worker is the most efficient
    assert choose(rows, Wish(rows[0].cost)) == rows[0]
    assert choose(rows, Wish(deadline_s=1.0)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1..4096", [2**n for n in range(13)]),
        ("3..20", [3, 4, 8, 16, 20]),
        ("6, 2,2", [2, 6]),
        ("5", [5]),
    ],
)
def test_numbers_of_workers_are_a_range_or_a_list(text: str, expected: list[int]) -> None:
    assert read_workers(text) == expected


@pytest.mark.parametrize("text", ["", "0..4", "8..2", "1..5000", "two", "1,,2", "-1"])
def test_other_numbers_of_workers_are_refused(text: str) -> None:
    with pytest.raises(DistnetError, match=r"--workers: found .* expected 1\.\.4096"):
        read_workers(text)
