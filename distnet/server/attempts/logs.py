"""The logs of attempts, as far as the server keeps them."""

from distnet.protocol.attempt import Report
from distnet.server.ledger import streams
from distnet.server.ledger.records import AttemptRecord, JobRecord
from distnet.server.ledger.streams import Bounds, Piece
from distnet.server.settings import Limits
from distnet.server.state.change import ATTEMPT, Change
from distnet.server.state.mirror import Mirror


def keep_pieces(  # noqa: PLR0917
    mirror: Mirror,
    job: JobRecord,
    attempt: AttemptRecord,
    report: Report,
    limits: Limits,
    now: float,
) -> dict[str, int]:
    """Append what a report has of logs; returns from where each of them has to be sent next.

    Raises:
        UnavailableError: the ledger cannot be reached; nothing is kept.
    """
    if not report.pieces:
        return {}
    sent = (Piece(piece.stream, piece.offset, piece.text.encode()) for piece in report.pieces)
    most_streams = _most_workers(job) + limits.streams
    with mirror.ledger.transaction(waits=False) as tx:
        done = streams.append_pieces(
            tx, job.name, attempt.number, sent, Bounds(limits.log_bytes, most_streams)
        )
    if done.left_out and attempt.submission not in mirror.left_out:
        mirror.left_out.add(attempt.submission)
        text = f"{job.name} sends over {most_streams:,} logs (limits.streams); more are left out"
        change = Change(now, is_quiet=True)
        change.event("logs", ATTEMPT, text, job.name)
        mirror.commit(change)
    return done.offsets


def _most_workers(job: JobRecord) -> int:
    return max(job.shape.max_workers, job.workers or 0)
