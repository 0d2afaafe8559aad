"""The counted messages and bytes are those that the real exchange sends; closed forms beside."""

import pytest

from distnet.cluster.forecast import traffic
from distnet.cluster.forecast.layout import Layout
from distnet.cluster.forecast.traffic import ITEM_BYTES, count_traffic, num_left
from distnet.train.exchange import reduce
from distnet.train.exchange.tree import SHORT_BYTES, Tree, own_slices
from tests.cluster.forecast.counted import Counting, real_batches, real_rounds

SHORT, LONG = 1001, SHORT_BYTES // ITEM_BYTES + 4001
LAYOUTS = [
    Layout(workers, per_host, has_shared_memory=shared)
    for workers in (2, 3, 5, 8, 13)
    for per_host in (1, 2, 3, 4)
    for shared in (True, False)
]


@pytest.mark.parametrize(
    ("length", "threshold"),
    [(SHORT, 4 * SHORT), (SHORT, 4 * SHORT - 1), (50, 0)],
    ids=["short", "long", "empty stretches"],
)
def test_messages_and_bytes_are_those_of_the_exchange_that_trains(
    length: int, threshold: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = 0
    for module in (traffic, reduce):  # a mebibyte in use; less is quicker here
        monkeypatch.setattr(module, "SHORT_BYTES", threshold)
    for layout in LAYOUTS:
        for slices in {layout.workers, 13, 16, 21}:
            if slices < layout.workers:
                continue
            model = count_traffic(layout, slices, length)
            real = real_rounds(monkeypatch, layout, slices, length)

            assert [list(loads) for loads in model.rounds] == real, (layout, slices)
            counted += sum(load.num_sent for loads in real for load in loads)
    assert counted > 3_000


@pytest.mark.parametrize("length", [SHORT, LONG], ids=["short", "long"])
def test_a_host_is_ready_to_receive_before_it_sends(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else hosts that do not arrive at the same time send in turns, at half the speed."""
    batches = real_batches(monkeypatch, Layout(3, 1, has_shared_memory=True), 1, 7, length)

    for messages in batches:
        kinds = [message.op for message in messages]
        num_received = kinds.count(Counting.irecv)
        assert 0 < num_received < len(kinds)
        assert kinds == [Counting.irecv] * num_received + [Counting.isend] * kinds.count("send")


def test_rows_that_are_left_are_those_of_the_tree() -> None:
    for slices in (1, 2, 5, 8, 21, 64):
        for workers in range(1, slices + 1):
            parts = tuple(own_slices(rank, workers, slices) for rank in range(workers))
            left = [num_left(part, slices) for part in parts]
            assert left == [len(roots) for roots in Tree(slices, parts).roots]


def test_workers_of_one_host_send_nothing() -> None:
    assert count_traffic(Layout(4, 4), 8, LONG).rounds == ()
    assert count_traffic(Layout(4, 4), 8, SHORT).rounds == ()


def test_two_hosts_of_two_workers_cross_once_with_their_sums() -> None:
    layout, row = Layout(4, 2), LONG * ITEM_BYTES
    scatter, gather = count_traffic(layout, 4, LONG).rounds

    assert [load.num_sent for load in scatter] == [load.num_sent for load in gather] == [1, 1]
    assert scatter[0].bytes_out + scatter[1].bytes_out == row
    assert sum(load.bytes_out for load in (*scatter, *gather)) == 2 * row


@pytest.mark.parametrize("hosts", [2, 4, 64, 1024])
def test_a_power_of_two_of_hosts_moves_what_a_ring_moves(hosts: int) -> None:
    length = 16 * 1024 * 64
    rounds = count_traffic(Layout(hosts), hosts, length).rounds

    out = {sum(loads[host].bytes_out for loads in rounds) for host in range(hosts)}
    # Thakur et al. 2005: 2 (p - 1) / p of the vector.
    assert out == {2 * (hosts - 1) * length * ITEM_BYTES // hosts}


def test_short_rows_go_whole_to_every_host() -> None:
    (loads,) = count_traffic(Layout(3), 6, SHORT).rounds

    # Of six slices three workers are left with 2, 2 and 1 rows: (0 1)(2 | 3)(4 5).
    assert [load.num_sent for load in loads] == [4, 4, 2]
    assert [load.num_received for load in loads] == [3, 3, 4]
    assert loads[2].bytes_in == 4 * SHORT * ITEM_BYTES


def test_thousands_of_workers_are_counted_at_once() -> None:
    scatter, gather = count_traffic(Layout(4096, 8), 4096, LONG).rounds

    assert len(scatter) == len(gather) == 512
    assert scatter[0].num_sent == 511
