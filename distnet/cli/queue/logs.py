"""`distnet logs`: what a job printed, on a server, as long as the ledger lives."""

from typing import TYPE_CHECKING, Annotated

import typer

from distnet.cli.queue.connect import (
    AsJson,
    Context,
    JobName,
    Server,
    connect,
    one_line,
    print_json,
    say,
    write_log,
)
from distnet.errors import DistnetError

if TYPE_CHECKING:
    from distnet.client.client import Answer, Client

RUN = "run"
SHOWN = 8

Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on until the job has ended; Ctrl-C leaves.")
]
Worker = Annotated[int | None, typer.Option(min=0, metavar="N", help="What worker N printed.")]
Stream = Annotated[
    str | None, typer.Option(metavar="NAME", help="run (the default), worker-N or metrics.")
]
Offset = Annotated[int, typer.Option(min=0, metavar="BYTES", help="Begin there.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: distnet logs digits-7 -f")(logs)


def logs(
    job: JobName,
    follow: Follow = False,
    worker: Worker = None,
    stream: Stream = None,
    offset: Offset = 0,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Print what a job has printed, all attempts one after the other."""
    if worker is not None and stream is not None:
        raise typer.BadParameter("--worker N is --stream worker-N; give one of them")
    name = stream or (RUN if worker is None else f"worker-{worker}")
    client = connect(server, context)
    details = client.details(job)
    _require_known(details, name, "--stream" if worker is None else "--worker")
    _require_within(client, job, name, offset)
    if follow:
        _tell_waiting(details["job"])
        follow_log(client.patient(), job, name, offset=offset, as_json=as_json)
    else:
        _tell_empty(details, name)
        _print(client, job, name, offset, as_json)


def follow_log(
    client: "Client", job: str, stream: str = RUN, *, offset: int = 0, as_json: bool = False
) -> None:
    """Print a log as it is written, until it is complete; JSON is one object a line.

    Raises:
        KeyboardInterrupt: the user has seen enough; how to go on has been said.
    """
    from distnet.client.follow import pieces

    try:
        for piece in pieces(client, job, stream, offset=offset, follow=True):
            if as_json:
                print_json(_told(job, stream, piece))
            else:
                write_log(piece["text"])
            offset = piece["next"]
    except KeyboardInterrupt:
        which = "" if stream == RUN else f" --stream {stream}"
        again = f"distnet logs {job} -f{which} --offset {offset}"
        say(f"\nthis does not stop {job}; follow it again: {again}")
        raise


def _print(client: "Client", job: str, stream: str, offset: int, as_json: bool) -> None:
    from distnet.client.follow import pieces

    texts: list[str] = []
    last: Answer = {"next": offset, "end": offset, "is_complete": False}
    for last in pieces(client, job, stream, offset=offset):
        if as_json:
            texts.append(last["text"])
        else:
            write_log(last["text"])
    if as_json:
        print_json(_told(job, stream, {**last, "offset": offset, "text": "".join(texts)}))


def _told(job: str, stream: str, piece: "Answer") -> "Answer":
    """A piece of a log as --json prints it: the same keys, followed or not."""
    keys = ("offset", "next", "end", "is_complete", "text")
    return {"job": job, "stream": stream, **{key: piece[key] for key in keys}}


def _require_known(details: "Answer", name: str, option: str) -> None:
    """Refuse a stream that the job does not have, and that it never will."""
    job = details["job"]
    most = max(job["most"], job["workers"] or 0, job["wanted"] or 0)
    known = dict.fromkeys([RUN, "metrics", *(f"worker-{n}" for n in range(most))])
    known |= dict.fromkeys(details["streams"])
    if name not in known:
        names = list(known)
        shown = names if len(names) <= SHOWN else [*names[: SHOWN - 2], "...", names[-1]]
        raise DistnetError(f"{option}: found {name}, expected one of {', '.join(shown)}")


def _require_within(client: "Client", job: str, stream: str, offset: int) -> None:
    if offset == 0:
        return
    end = client.stream(job, stream, offset=0, wait_s=0.0)["end"]
    if offset > end:
        raise DistnetError(
            f"--offset: found {offset}, expected at most {end}, where the log {stream} of {job} "
            "ends now"
        )


def _tell_empty(details: "Answer", stream: str) -> None:
    """Say why nothing is printed."""
    job = details["job"]
    name, log = job["name"], "log" if stream == RUN else f"log {stream}"
    if stream in details["streams"]:
        return
    if job["ended_at"] is not None:
        say(f"{name} is {job['state']} and has no {log}")
    else:
        say(f"{name} is {job['state']} and has no {log} yet; see: distnet why {name}")


def _tell_waiting(job: "Answer") -> None:
    from distnet.client.follow import is_waiting

    if is_waiting(job):
        say(f"{job['name']} is {job['state']}: {one_line(job['reason'])}")
