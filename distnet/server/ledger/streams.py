"""Logs and metrics of attempts, as streams of bytes that are appended to.

An attempt sends each stream from its own byte 0 on; whoever reads a job's stream sees those of its
attempts one after the other. Small pieces are put together as they come, so that a line a second
for a week does not become 600,000 rows; none is larger than 64 KiB, so that a reader in the middle
of a stream loads little beside what is wanted.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, func, select

from distnet.server.ledger.rows import upsert
from distnet.server.ledger.tables import pieces, streams

PIECE_BYTES = 65_536
TAIL_BYTES = 8_192
"""A last piece shorter than this is written again with what follows: about what a page costs."""
NO_MORE = 2**53 - 1
METRICS = "metrics"
FULL = b"\n[distnet] the server keeps no more of this log; the run folder has all of it\n"


def _at(table: Table) -> ColumnElement[bool]:
    return and_(*(table.c[name] == bindparam(name) for name in ("job", "attempt", "stream")))


END = select(streams.c.end, streams.c.tail).where(_at(streams))
TOUCHED = (
    select(pieces.c.start, pieces.c.data)
    .where(_at(pieces), pieces.c.start > bindparam("above"), pieces.c.start < bindparam("below"))
    .order_by(pieces.c.start)
)


def append_piece(  # noqa: PLR0917
    tx: Connection,
    job: str,
    attempt: int,
    stream: str,
    offset: int,
    data: bytes,
    *,
    most_bytes: int = NO_MORE,
) -> int:
    """Keep what an attempt sends; returns the byte of its stream from which it is to go on.

    What is kept already is skipped; a piece that begins beyond it is not kept, so the caller sends
    again from the number that is returned: `NO_MORE` once `most_bytes` are there, which the log's
    last line says. A job that prints without end must not fill the ledger's disk.
    """
    place = {"job": job, "attempt": attempt, "stream": stream}
    end, tail = _end(tx, place)
    if end >= most_bytes:
        return NO_MORE
    fresh = data[max(end - offset, 0) :]
    if offset > end or not fresh:
        return end
    if end + len(fresh) >= most_bytes and stream != METRICS:
        fresh += FULL
    start = end
    if 0 < end - tail < TAIL_BYTES:
        start, fresh = tail, _cut(tx, place, tail, end) + fresh
    rows = [
        {**place, "start": start + at, "data": fresh[at : at + PIECE_BYTES]}
        for at in range(0, len(fresh), PIECE_BYTES)
    ]
    end = start + len(fresh)
    upsert(tx, pieces, rows)
    upsert(tx, streams, [{**place, "end": end, "tail": rows[-1]["start"]}])
    return end


def read_stream(
    tx: Connection, job: str, stream: str, offset: int, limit: int
) -> tuple[bytes, int]:
    """At most `limit` bytes from `offset` on, over all attempts; and where the stream ends now."""
    data = bytearray()
    begin = 0  # where the attempt's part begins
    known = select(streams.c.attempt, streams.c.end)
    mine = known.where(streams.c.job == job, streams.c.stream == stream)
    for attempt, end in tx.execute(mine.order_by(streams.c.attempt)).all():
        low, high = max(offset - begin, 0), min(offset + limit - begin, end)
        if low < high:
            place = {"job": job, "attempt": attempt, "stream": stream}
            data += _cut(tx, place, low, high)
        begin += end
    return bytes(data), begin


def end_of(tx: Connection, job: str, stream: str) -> int:
    """How many bytes of a stream are kept, of all attempts together."""
    mine = select(func.sum(streams.c.end)).where(streams.c.job == job, streams.c.stream == stream)
    return int(tx.execute(mine).scalar() or 0)


def stream_names(tx: Connection, job: str) -> tuple[str, ...]:
    """The streams of a job: `run`, `metrics`, `worker-0`, ..., `worker-10`."""
    names = tx.execute(select(streams.c.stream).where(streams.c.job == job).distinct()).scalars()
    return tuple(sorted(names, key=lambda name: (len(name), name)))


def offsets(tx: Connection, job: str, attempt: int) -> dict[str, int]:
    """How many bytes of each stream of an attempt are kept."""
    query = select(streams.c.stream, streams.c.end)
    mine = query.where(streams.c.job == job, streams.c.attempt == attempt)
    return {stream: end for stream, end in tx.execute(mine)}


def _end(tx: Connection, place: dict[str, Any]) -> tuple[int, int]:
    row = tx.execute(END, place).first()
    return (row.end, row.tail) if row else (0, 0)


def _cut(tx: Connection, place: dict[str, Any], low: int, high: int) -> bytes:
    """The bytes from `low` to below `high` of one attempt's stream."""
    rows = tx.execute(TOUCHED, {**place, "above": low - PIECE_BYTES, "below": high}).all()
    first = rows[0].start
    return b"".join(row.data for row in rows)[low - first : high - first]
