"""`distnet logs`."""

from typing import Annotated

import typer

from distnet.cli.connect import connect
from distnet.cli.options import AsJson, Context, Job, Server
from distnet.cli.output import print_json, say
from distnet.cli.queue.folded import FoldedLog
from distnet.cli.queue.jobs import described
from distnet.client.client import Client, Json
from distnet.client.follow import is_waiting, pieces
from distnet.errors import DistnetError
from distnet.report.text import local_time

RUN = "run"
MOST_NAMES = 8

Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Follow until the job has ended; Ctrl-C leaves.")
]
Worker = Annotated[int | None, typer.Option(min=0, metavar="N", help="The output of worker N.")]
Stream = Annotated[
    str | None, typer.Option(metavar="NAME", help="run (the default), worker-N or metrics.")
]
Offset = Annotated[int, typer.Option(min=0, metavar="BYTES", help="Begin at this byte.")]


def logs(
    job: Job,
    follow: Follow = False,
    worker: Worker = None,
    stream: Stream = None,
    offset: Offset = 0,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Print the log of a job, over all its attempts."""
    if worker is not None and stream is not None:
        raise typer.BadParameter("found --worker and --stream, expected one of them")
    name = stream or (RUN if worker is None else f"worker-{worker}")
    client = connect(server, context)
    details = client.details(job)
    _require_known(details, name, "--stream" if worker is None else "--worker")
    _require_within(client, job, name, offset)
    if follow:
        _say_waiting(details["job"])
        follow_log(client.patient(), job, name, offset=offset, as_json=as_json)
    else:
        _say_empty(details, name)
        _print(client, job, name, offset, as_json=as_json)


def follow_log(
    client: Client, job: str, stream: str = RUN, *, offset: int = 0, as_json: bool = False
) -> None:
    """Print a log as it is written, until it is complete; as JSON, one object a line.

    Raises:
        KeyboardInterrupt: the user has left; how to follow it again was printed.
    """
    try:
        with FoldedLog() as log:
            for piece in pieces(client, job, stream, offset=offset, follow=True):
                if as_json:
                    print_json(_to_json(job, stream, piece))
                else:
                    log.write(piece["text"])
                offset = piece["next"]
    except KeyboardInterrupt:
        name = "" if stream == RUN else f" --stream {stream}"
        again = f"distnet logs {job} -f{name} --offset {offset}"
        say(f"\n{job} is not stopped; follow it again with: {again}")
        raise


def _print(client: Client, job: str, stream: str, offset: int, *, as_json: bool) -> None:
    texts: list[str] = []
    last: Json = {"next": offset, "end": offset, "is_complete": False}
    with FoldedLog() as log:
        for last in pieces(client, job, stream, offset=offset):
            if as_json:
                texts.append(last["text"])
            else:
                log.write(last["text"])
    if as_json:
        print_json(_to_json(job, stream, {**last, "offset": offset, "text": "".join(texts)}))


def _to_json(job: str, stream: str, piece: Json) -> Json:
    """A piece of a log as --json prints it: the same keys, followed or not."""
    keys = ("offset", "next", "end", "is_complete", "text")
    return {"job": job, "stream": stream, **{key: piece[key] for key in keys}}


def _require_known(details: Json, name: str, option: str) -> None:
    """Refuse a stream that the job does not have and never will."""
    job = details["job"]
    most = max(job["most"], job["workers"] or 0, job["wanted"] or 0)
    known = dict.fromkeys([RUN, "metrics", *(f"worker-{n}" for n in range(most))])
    known |= dict.fromkeys(details["streams"])
    if name not in known:
        names = list(known)
        some = names if len(names) <= MOST_NAMES else [*names[: MOST_NAMES - 2], "...", names[-1]]
        raise DistnetError(f"{option}: found {name}, expected one of {', '.join(some)}")


def _require_within(client: Client, job: str, stream: str, offset: int) -> None:
    if offset == 0:
        return
    end = client.stream(job, stream, offset=0, wait_s=0.0)["end"]
    if offset > end:
        raise DistnetError(
            f"--offset: found {offset}, expected at most {end}, where the log {stream} of {job} "
            "ends now"
        )


def _say_empty(details: Json, stream: str) -> None:
    """Say why nothing is printed."""
    job = details["job"]
    name, log = job["name"], "log" if stream == RUN else f"log {stream}"
    if stream in details["streams"]:
        return
    if job["removed_at"] is not None:
        when = local_time(job["removed_at"])
        say(f"the {log} of {name} was removed on {when}, some time after its end (limits.keep)")
    elif job["ended_at"] is not None:
        say(f"{name} is {job['state']} and has no {log}")
    else:
        say(f"{name} is {job['state']} and has no {log} yet; see: distnet why {name}")


def _say_waiting(job: Json) -> None:
    if is_waiting(job):
        say(described(job))
