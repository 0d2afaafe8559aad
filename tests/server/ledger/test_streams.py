import random

import pytest

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
    with ledger.transaction() as tx:
        return streams.append_piece(tx, "a", attempt, stream, offset, data)


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
        with running.transaction() as tx:
            return streams.append_piece(tx, "a", 1, stream, offset, data, most_bytes=10)

    assert send_some(0, b"one\ntwo\n") == 8
    end = send_some(8, b"three\nfour\n")
    assert send_some(end, b"five\n") == streams.NO_MORE
    assert send_some(0, b"one\n") == streams.NO_MORE

    said = b"" if stream == "metrics" else streams.FULL
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
