"""Logs and metrics of attempts, as streams of bytes.

An attempt sends each stream from its own byte 0; a job's stream is the concatenation of those of
its attempts. Small pieces are merged as they arrive, so that a line a second for a week does not
become 600,000 rows. No piece is larger than 64 KiB, so that reading from the middle loads little
more than needed.

An attempt may send anything, so what is kept of it is bounded: the bytes of `run`, of `metrics`,
and of all other streams together; their number; and what is written for one report.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    func,
    select,
)

from distnet.server.ledger.rows import upsert
from distnet.server.ledger.tables import pieces, streams

PIECE_BYTES = 65_536
TAIL_BYTES = 8_192
"""A shorter last piece is written again together with the next one; it costs about a page."""
REPORT_BYTES = 2 * 2**20
"""Of one report, whose pieces are written while others wait; the attempt sends the rest again."""
NO_MORE = 2**53 - 1
RUN, METRICS = "run", "metrics"
CUT = b"\n[distnet] left out from here: limits.log of the server is reached; see the run folder\n"


def _at(table: Table) -> ColumnElement[bool]:
    return and_(*(table.c[name] == bindparam(name) for name in ("job", "attempt", "stream")))


TAIL = and_(
    *(pieces.c[name] == streams.c[name] for name in ("job", "attempt", "stream")),
    pieces.c.start == streams.c.tail,
    streams.c.end - streams.c.tail < TAIL_BYTES,
    streams.c.stream.in_(bindparam("named", expanding=True)),
)
"""The short last pieces of some streams."""
KEPT = (
    select(streams.c.stream, streams.c.end, streams.c.tail, pieces.c.data)
    .outerjoin(pieces, TAIL)
    .where(*(streams.c[name] == bindparam(name) for name in ("job", "attempt")))
)
TOUCHED = (
    select(pieces.c.start, pieces.c.data)
    .where(_at(pieces), pieces.c.start > bindparam("above"), pieces.c.start < bindparam("below"))
    .order_by(pieces.c.start)
)

LAST = select(pieces.c.start).where(_at(pieces)).order_by(pieces.c.start.desc())
LAST = LAST.limit(bindparam("most"))


class Piece(NamedTuple):
    """A part of a stream, as an attempt sends it."""

    stream: str
    offset: int
    data: bytes


class Bounds(NamedTuple):
    """What is kept of an attempt."""

    most_bytes: int = NO_MORE
    """Of `run`, of `metrics`, and of all other streams together."""
    most_streams: int = NO_MORE


NO_BOUNDS = Bounds()


class Appended(NamedTuple):
    """What became of the pieces of a report."""

    offsets: dict[str, int]
    """From which each stream has to be sent next; `NO_MORE`: nothing more of it is kept."""
    left_out: int = 0
    """Streams that are not kept, because there are too many."""


@dataclass(slots=True)
class _Tail:
    """The end of a stream, from `start`: a short last piece, and what is added to it."""

    start: int = 0
    data: bytearray = field(default_factory=bytearray)
    is_changed: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.data)

    @property
    def is_cut(self) -> bool:
        return self.data.endswith(CUT)

    def add(self, data: bytes) -> None:
        self.data += data
        self.is_changed |= bool(data)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The pieces to write; the line that says that a stream is cut is one of its own."""
        body = len(self.data) - len(CUT) if self.is_cut else len(self.data)
        ends = [*range(PIECE_BYTES, body, PIECE_BYTES), body, len(self.data)]
        begin = 0
        for end in ends:
            if begin < end:
                yield {"start": self.start + begin, "data": bytes(self.data[begin:end])}
            begin = end


def append_pieces(
    tx: Connection, job: str, attempt: int, sent: Iterable[Piece], bounds: Bounds = NO_BOUNDS
) -> Appended:
    """Append the pieces of a report, in a number of statements that does not depend on theirs.

    Bytes that are kept already are skipped. A piece that starts beyond them is not kept: the caller
    sends again from the returned offset. The last line of a log that is cut says so.
    """
    sent = tuple(sent)
    key = {"job": job, "attempt": attempt}
    tails, num_bytes = _kept(tx, key, {piece.stream for piece in sent})
    offsets: dict[str, int] = {}
    left = REPORT_BYTES
    for stream, offset, data in sent:
        if stream not in tails and len(tails) >= bounds.most_streams:
            offsets[stream] = NO_MORE
            continue
        tail, shared = tails.setdefault(stream, _Tail()), _shared(stream)
        if num_bytes[shared] < bounds.most_bytes and left > 0 and offset <= tail.end:
            fresh = data[tail.end - offset :]
            tail.add(fresh)
            left -= len(fresh)
            num_bytes[shared] += len(fresh)
        offsets[stream] = tail.end
        if num_bytes[shared] >= bounds.most_bytes:
            offsets[stream] = NO_MORE
            if stream != METRICS and not tail.is_cut:
                tail.add(CUT)
    _write(tx, key, tails)
    return Appended(offsets, len(offsets.keys() - tails.keys()))


def _kept(
    tx: Connection, key: dict[str, Any], named: set[str]
) -> tuple[dict[str, _Tail], Counter[str]]:
    """The ends of all streams of an attempt, and how many bytes are kept of them together."""
    tails: dict[str, _Tail] = {}
    num_bytes: Counter[str] = Counter()
    for stream, end, tail, data in tx.execute(KEPT, {**key, "named": sorted(named)}):
        tails[stream] = _Tail(end) if data is None else _Tail(tail, bytearray(data))
        num_bytes[_shared(stream)] += end
    return tails, num_bytes


def _shared(stream: str) -> str:
    """The streams whose bytes are bounded together."""
    return stream if stream in (RUN, METRICS) else ""


def _write(tx: Connection, key: dict[str, Any], tails: dict[str, _Tail]) -> None:
    changed = {stream: tail for stream, tail in tails.items() if tail.is_changed and tail.data}
    rows = {
        stream: [{**key, "stream": stream, **row} for row in tail.rows()]
        for stream, tail in changed.items()
    }
    upsert(tx, pieces, [row for some in rows.values() for row in some])
    ends = [
        {**key, "stream": stream, "end": tail.end, "tail": rows[stream][-1]["start"]}
        for stream, tail in changed.items()
    ]
    upsert(tx, streams, ends)


def read_stream(
    tx: Connection, job: str, stream: str, offset: int, limit: int
) -> tuple[bytes, int]:
    """Read at most `limit` bytes from `offset`, over all attempts; and the end of the stream."""
    data = bytearray()
    begin = 0  # the offset of the attempt's part
    known = select(streams.c.attempt, streams.c.end)
    mine = known.where(streams.c.job == job, streams.c.stream == stream)
    for attempt, end in tx.execute(mine.order_by(streams.c.attempt)).all():
        low, high = max(offset - begin, 0), min(offset + limit - begin, end)
        if low < high:
            key = {"job": job, "attempt": attempt, "stream": stream}
            data += _cut(tx, key, low, high)
        begin += end
    return bytes(data), begin


def sizes(tx: Connection, job: str) -> dict[str, int]:
    """Count the bytes of each stream that are kept, of all attempts together."""
    sums = select(streams.c.stream, func.sum(streams.c.end)).where(streams.c.job == job)
    return {stream: int(size) for stream, size in tx.execute(sums.group_by(streams.c.stream))}


def stream_names(tx: Connection, job: str) -> tuple[str, ...]:
    """List the streams of a job: `run`, `metrics`, `worker-0`, ..., `worker-10`."""
    names = tx.execute(select(streams.c.stream).where(streams.c.job == job).distinct()).scalars()
    return tuple(sorted(names, key=lambda name: (len(name), name)))


def offsets(tx: Connection, job: str, attempt: int) -> dict[str, int]:
    """Count the bytes of each stream of an attempt that are kept."""
    query = select(streams.c.stream, streams.c.end)
    mine = query.where(streams.c.job == job, streams.c.attempt == attempt)
    return {stream: end for stream, end in tx.execute(mine)}


def cut_streams(tx: Connection, job: str, most: int) -> bool:
    """Remove up to `most` pieces of a job's streams from their ends; returns whether any is left.

    What is left can be read at any time.
    """
    for row in tx.execute(select(streams).where(streams.c.job == job).limit(most)).all():
        most -= _cut_end(tx, {"job": job, "attempt": row.attempt, "stream": row.stream}, most)
        if most <= 0:
            break
    return tx.execute(select(streams.c.stream).where(streams.c.job == job)).first() is not None


def _cut_end(tx: Connection, key: dict[str, Any], most: int) -> int:
    """Remove up to `most` pieces from the end of a stream; returns how many, and at least 1."""
    starts = tx.execute(LAST, {**key, "most": most + 1}).scalars().all()
    if len(starts) <= most:
        tx.execute(delete(pieces).where(_at(pieces)), key)
        tx.execute(delete(streams).where(_at(streams)), key)
        return max(1, len(starts))
    *removed, tail = starts
    tx.execute(delete(pieces).where(_at(pieces), pieces.c.start > tail), key)
    upsert(tx, streams, [{**key, "end": removed[-1], "tail": tail}])
    return most


def _cut(tx: Connection, key: dict[str, Any], low: int, high: int) -> bytes:
    """Read the bytes from `low` to below `high` of one attempt's stream."""
    rows = tx.execute(TOUCHED, {**key, "above": low - PIECE_BYTES, "below": high}).all()
    first = rows[0].start
    return b"".join(row.data for row in rows)[low - first : high - first]
