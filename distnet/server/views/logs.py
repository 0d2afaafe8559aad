"""Logs of jobs, and the event log."""

from codecs import getincrementaldecoder

from distnet.protocol.cluster import EventResponse, EventsResponse
from distnet.protocol.jobs import StreamResponse
from distnet.server.jobs.commands import find
from distnet.server.ledger import events, streams
from distnet.server.ledger.records import EventRecord
from distnet.server.state.mirror import Mirror


def stream_piece(mirror: Mirror, name: str, stream: str, offset: int, limit: int) -> StreamResponse:
    """A piece of a log, cut between characters."""
    job = find(mirror, name)
    with mirror.ledger.reading() as tx:
        data, end = streams.read_stream(tx, name, stream, offset, limit)
    decoder = getincrementaldecoder("utf-8")(errors="replace")
    is_last = offset + len(data) >= end
    text = decoder.decode(data, final=is_last and job.state.is_terminal)
    rest = len(decoder.getstate()[0])  # the start of a character whose end is missing
    if rest == len(data):  # not UTF-8: without this, a client would ask for it forever
        text, rest = decoder.decode(b"", final=True), 0
    following = offset + len(data) - rest
    is_complete = job.state.is_terminal and following >= end
    return StreamResponse(
        text=text, offset=offset, next=following, end=end, is_complete=is_complete
    )


def event_page(mirror: Mirror, *, after: int, job: str | None, limit: int) -> EventsResponse:
    """A page of the event log."""
    if job is not None:
        find(mirror, job)
    with mirror.ledger.reading() as tx:
        found = events.read_events(tx, after=after, job=job, limit=limit)
    last = found[-1].number if found else after
    return EventsResponse(events=tuple(_event_response(event) for event in found), next=last)


def _event_response(event: EventRecord) -> EventResponse:
    return EventResponse(
        number=event.number,
        time=event.time,
        kind=event.kind,
        job=event.job,
        actor=event.actor,
        text=event.text,
    )
