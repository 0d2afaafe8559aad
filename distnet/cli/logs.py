"""`distnet logs`: what a job printed, on a server, as long as the ledger lives."""

from typing import TYPE_CHECKING, Annotated

import typer

from distnet.cli.connect import (
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

if TYPE_CHECKING:
    from distnet.client.client import Client

RUN = "run"

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
    if not follow:
        _print(client, job, name, offset, as_json)
        return
    _tell_waiting(client, job)
    follow_log(client.patient(), job, name, offset=offset, as_json=as_json)


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
                print_json(piece)
            else:
                write_log(piece["text"])
            offset = piece["next"]
    except KeyboardInterrupt:
        which = "" if stream == RUN else f" --stream {stream}"
        say(f"\n{job} goes on; follow it again: distnet logs {job} -f{which} --offset {offset}")
        raise


def _print(client: "Client", job: str, stream: str, offset: int, as_json: bool) -> None:
    from distnet.client.follow import pieces

    texts, end, is_complete = [], offset, False
    for piece in pieces(client, job, stream, offset=offset):
        end, is_complete = piece["next"], piece["is_complete"]
        if as_json:
            texts.append(piece["text"])
        else:
            write_log(piece["text"])
    if as_json:
        place = {"job": job, "stream": stream, "offset": offset, "next": end}
        print_json(place | {"is_complete": is_complete, "text": "".join(texts)})


def _tell_waiting(client: "Client", job: str) -> None:
    from distnet.client.follow import is_waiting

    answer = client.details(job)["job"]
    if is_waiting(answer):
        say(f"{job} is {answer['state']}: {one_line(answer['reason'])}")
