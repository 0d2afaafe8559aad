"""Logs and metrics of attempts, as streams of bytes.

An attempt sends each stream from its own byte 0; a job's stream is the concatenation of those of
its attempts. Small pieces are merged as they arrive, so that a line a second for a week does not
become 600,000 rows. No piece is larger than 64 KiB, so that reading from the middle loads little
more than needed.
"""

from typing import Any

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
NO_MORE = 2**53 - 1
METRICS = "metrics"
FULL = b"\n[distnet] the log is cut here: it has reached the server's limit; see the run folder\n"


def _at(table: Table) -> ColumnElement[bool]:
    return and_(*(table.c[name] == bindparam(name) for name in ("job", "attempt", "stream")))


END = select(streams.c.end, streams.c.tail).where(_at(streams))
TOUCHED = (
    select(pieces.c.start, pieces.c.data)
    .where(_at(pieces), pieces.c.start > bindparam("above"), pieces.c.start < bindparam("below"))
    .order_by(pieces.c.start)
)

LAST = select(pieces.c.start).where(_at(pieces)).order_by(pieces.c.start.desc())
LAST = LAST.limit(bindparam("most"))


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
    """Append a piece; returns the offset from which the attempt has to send next.

    Bytes that are kept already are skipped. A piece that starts beyond them is not kept: the caller
    sends again from the returned offset. It is `NO_MORE` once `most_bytes` are kept, so that a job
    that prints endlessly does not fill the ledger's disk; the last line of the log says so.
    """
    key = {"job": job, "attempt": attempt, "stream": stream}
    end, tail = _end(tx, key)
    if end >= most_bytes:
        return NO_MORE
    fresh = data[max(end - offset, 0) :]
    if offset > end or not fresh:
        return end
    if end + len(fresh) >= most_bytes and stream != METRICS:
        fresh += FULL
    start = end
    if 0 < end - tail < TAIL_BYTES:
        start, fresh = tail, _cut(tx, key, tail, end) + fresh
    rows = [
        {**key, "start": start + at, "data": fresh[at : at + PIECE_BYTES]}
        for at in range(0, len(fresh), PIECE_BYTES)
    ]
    end = start + len(fresh)
    upsert(tx, pieces, rows)
    upsert(tx, streams, [{**key, "end": end, "tail": rows[-1]["start"]}])
    return end


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


def end_of(tx: Connection, job: str, stream: str) -> int:
    """Count the bytes of a stream that are kept, of all attempts together."""
    mine = select(func.sum(streams.c.end)).where(streams.c.job == job, streams.c.stream == stream)
    return int(tx.execute(mine).scalar() or 0)


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


def _end(tx: Connection, key: dict[str, Any]) -> tuple[int, int]:
    row = tx.execute(END, key).first()
    return (row.end, row.tail) if row else (0, 0)


def _cut(tx: Connection, key: dict[str, Any], low: int, high: int) -> bytes:
    """Read the bytes from `low` to below `high` of one attempt's stream."""
    rows = tx.execute(TOUCHED, {**key, "above": low - PIECE_BYTES, "below": high}).all()
    first = rows[0].start
    return b"".join(row.data for row in rows)[low - first : high - first]
