import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.event import listen

from distnet.protocol.errors import ConflictError
from distnet.server.ledger import Ledger, streams
from tests.server.ledger.records import begin, job, submit


@pytest.fixture
def running(ledger: Ledger) -> Ledger:
    """A ledger with two attempts at job `a`."""
    submit(ledger, job("a"), job("b"))
    begin(ledger, "a", 1)
    begin(ledger, "a", 2)
    begin(ledger, "b", 1)
    return ledger


def send(ledger: Ledger, offset: int, data: bytes, *, attempt: int = 1, stream: str = "run") -> int:
    return send_all(ledger, streams.Piece(stream, offset, data), attempt=attempt).offsets[stream]


def send_all(
    ledger: Ledger,
    *sent: streams.Piece,
    attempt: int = 1,
    bounds: streams.Bounds = streams.NO_BOUNDS,
) -> streams.Appended:
    """Send the pieces of one report."""
    with ledger.transaction() as tx:
        return streams.append_pieces(tx, "a", attempt, sent, bounds)


def read(ledger: Ledger, offset: int = 0, limit: int = 10**9, stream: str = "run") -> bytes:
    with ledger.reading() as tx:
        return streams.read_stream(tx, "a", stream, offset, limit)[0]


def test_pieces_are_read_as_one_stream(running: Ledger) -> None:
    assert send(running, 0, b"one\n") == 4
    assert send(running, 4, b"two\n") == 8

    with running.reading() as tx:
        assert streams.read_stream(tx, "a", "run", 0, 100) == (b"one\ntwo\n", 8)
        assert streams.read_stream(tx, "a", "run", 3, 3) == (b"\ntw", 8)
        assert streams.read_stream(tx, "a", "run", 8, 100) == (b"", 8)
        assert streams.read_stream(tx, "a", "run", 10**30, 100) == (b"", 8)
        assert streams.read_stream(tx, "a", "metrics", 0, 100) == (b"", 0)
        assert streams.read_stream(tx, "b", "run", 0, 100) == (b"", 0)


def test_piece_that_is_sent_again_is_kept_once(running: Ledger) -> None:
    send(running, 0, b"abcdef")

    assert send(running, 0, b"abcdef") == 6
    assert send(running, 2, b"cd") == 6
    assert send(running, 3, b"defgh") == 8
    assert send(running, 8, b"") == 8

    assert read(running) == b"abcdefgh"


@pytest.mark.parametrize("stream", ["run", "metrics"])
def test_a_stream_is_kept_up_to_its_limit(running: Ledger, stream: str) -> None:
    def send_some(offset: int, data: bytes) -> int:
        one = streams.Piece(stream, offset, data)
        return send_all(running, one, bounds=streams.Bounds(10)).offsets[stream]

    assert send_some(0, b"one\ntwo\n") == 8
    assert send_some(8, b"three\nfour\n") == streams.NO_MORE
    assert send_some(19, b"five\n") == streams.NO_MORE
    assert send_some(0, b"one\n") == streams.NO_MORE

    said = b"" if stream == "metrics" else streams.CUT
    assert read(running, stream=stream) == b"one\ntwo\nthree\nfour\n" + said


def test_piece_behind_a_gap_is_not_kept(running: Ledger) -> None:
    assert send(running, 5, b"late") == 0
    send(running, 0, b"abc")
    assert send(running, 4, b"late") == 3
    assert send(running, 10**30, b"late") == 3

    assert read(running) == b"abc"


def test_attempts_follow_one_another_in_the_stream_of_a_job(running: Ledger) -> None:
    send(running, 0, b"second", attempt=2)
    send(running, 0, b"first ", attempt=1)
    send(running, 6, b"try", attempt=2)

    assert read(running) == b"first secondtry"
    assert read(running, 4, 5) == b"t sec"
    with running.reading() as tx:
        assert streams.offsets(tx, "a", 1) == {"run": 6}
        assert streams.offsets(tx, "a", 2) == {"run": 9}
        assert streams.offsets(tx, "a", 3) == {}


def test_streams_are_named_in_the_order_of_workers(running: Ledger) -> None:
    for name in ("worker-10", "worker-2", "metrics", "run"):
        send(running, 0, b"x", stream=name)
    send(running, 0, b"x", stream="run", attempt=2)

    with running.reading() as tx:
        assert streams.stream_names(tx, "a") == ("run", "metrics", "worker-2", "worker-10")
        assert streams.stream_names(tx, "b") == ()


def test_stream_of_an_attempt_that_is_not_there_is_refused(running: Ledger) -> None:
    with pytest.raises(ConflictError):
        send(running, 0, b"x", attempt=9)


def test_any_bytes_in_pieces_of_any_size_are_read_back_from_anywhere(running: Ledger) -> None:
    rng = random.Random(7)
    whole = rng.randbytes(400_000)
    end = 0
    while end < len(whole):
        size = rng.choice([1, 100, 3_000, 8_192, 65_536, 90_000])
        start = max(0, end - rng.choice([0, 0, 50]))
        end = send(running, start, whole[start : end + size])

    assert read(running) == whole
    for _ in range(50):
        low = rng.randrange(len(whole))
        size = rng.choice([1, 1000, 65_536, 200_000])
        assert read(running, low, size) == whole[low : low + size]


def test_small_pieces_are_put_together(running: Ledger) -> None:
    line = b"step 1 loss 0.25\n"
    for at in range(300):
        send(running, at * len(line), line)

    assert read(running) == line * 300
    with running.reading() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM pieces").scalar_one() < 5


def test_the_logs_of_workers_share_their_bound_and_each_says_that_it_is_cut(
    running: Ledger,
) -> None:
    bounds = streams.Bounds(most_bytes=10)
    for _ in range(3):  # also if it sends on
        for name in ("worker-0", "worker-1", "run", "metrics"):
            send_all(running, streams.Piece(name, 0, b"12345678\n"), bounds=bounds)
            send_all(running, streams.Piece(name, 9, b"9\n"), bounds=bounds)
    send_all(running, streams.Piece("worker-2", 0, b"never\n"), bounds=bounds)

    assert read(running, stream="worker-0") == b"12345678\n9\n" + streams.CUT
    assert read(running, stream="worker-1") == streams.CUT
    assert read(running, stream="worker-2") == streams.CUT
    assert read(running, stream="run") == b"12345678\n9\n" + streams.CUT
    assert read(running, stream="metrics") == b"12345678\n9\n"


def test_ten_thousand_names_and_pieces_take_as_few_statements_as_one(running: Ledger) -> None:
    statements: list[object] = []
    with running.transaction() as tx:
        listen(tx.engine, "before_cursor_execute", lambda *about: statements.append(about))

    def num_statements(sent: list[streams.Piece]) -> int:
        statements.clear()
        send_all(running, *sent)
        return len(statements)

    one = num_statements([streams.Piece("run", 0, b"x")])
    names = num_statements([streams.Piece(f"s-{n}", 0, b"x") for n in range(10_000)])
    pieces = num_statements([streams.Piece("worker-0", n, b"x") for n in range(10_000)])

    assert names == pieces == one <= 6
    assert read(running, stream="worker-0") == b"x" * 10_000


def test_an_attempt_has_so_many_streams_at_most(running: Ledger) -> None:
    bounds = streams.Bounds(most_streams=3)
    sent = [streams.Piece(f"s-{n}", 0, b"x") for n in range(1000)]

    first, again = (send_all(running, *sent, bounds=bounds) for _ in range(2))

    assert first == again
    assert (first.left_out, list(first.offsets.values())[:4]) == (997, [1, 1, 1, streams.NO_MORE])
    with running.reading() as tx:
        assert streams.stream_names(tx, "a") == ("s-0", "s-1", "s-2")


def test_what_one_report_has_too_much_of_is_sent_again(running: Ledger) -> None:
    large = b"x" * 1_500_000
    sent = [streams.Piece(f"worker-{n}", 0, large) for n in range(4)]

    first = send_all(running, *sent).offsets
    second = send_all(running, *sent[2:]).offsets

    assert first == {"worker-0": len(large), "worker-1": len(large), "worker-2": 0, "worker-3": 0}
    assert second == {"worker-2": len(large), "worker-3": len(large)}
    assert read(running, stream="worker-3") == large


@given(st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_no_more_is_kept_than_the_bounds_allow(
    running: Ledger, data: st.DataObject
) -> None:
    """Pieces of any stream at any offset: what is kept is a beginning of what was offered."""
    names = st.sampled_from(["run", "metrics", "worker-0", "worker-1", "x"])
    piece = st.builds(streams.Piece, names, st.integers(0, 40), st.binary(max_size=30))
    bounds = streams.Bounds(data.draw(st.integers(1, 60)), data.draw(st.integers(1, 5)))
    reports = data.draw(st.lists(st.lists(piece, max_size=6), max_size=6))
    with running.transaction() as tx:
        for report in reports:
            done = streams.append_pieces(tx, "b", 1, report, bounds)
            assert done.offsets.keys() == {one.stream for one in report}
        kept = streams.sizes(tx, "b")
        assert len(kept) <= bounds.most_streams
        slack = 6 * 30 + len(streams.CUT)  # the last report is taken whole
        assert sum(kept.values()) <= 3 * (bounds.most_bytes + slack) + 2 * len(streams.CUT)
        for name, size in kept.items():
            found, end = streams.read_stream(tx, "b", name, 0, 10**6)
            assert (len(found), end) == (size, size)
        tx.rollback()
