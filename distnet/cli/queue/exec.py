"""`distnet exec`."""

from typing import Annotated

import typer

from distnet.cli.connect import connect
from distnet.cli.options import AsJson, Context, Job, Server
from distnet.cli.queue.node_commands import follow_command

Program = Annotated[
    list[str], typer.Argument(metavar="-- PROGRAM [ARGUMENTS]", help="What to run; no shell.")
]
Rank = Annotated[int | None, typer.Option(min=0, metavar="N", help="Only on the node of worker N.")]
Limit = Annotated[
    float,
    typer.Option("--timeout", min=0.1, max=3600, metavar="SECONDS", help="Kill it after this."),
]


def exec_(
    job: Job,
    program: Program,
    rank: Rank = None,
    timeout: Limit = 60.0,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Run a program on the nodes of a running job, once a node, in its environment.

    Each line of its output comes with the first worker of its node and the node's address. The exit
    code is the first that is not 0. For pipes and variables, run a shell: -- sh -c "..."
    """
    client = connect(server, context)
    reply = client.exec(job, program, rank=rank, timeout_s=timeout)
    code = follow_command(client.patient(), job, reply["stream"], as_json=as_json)
    raise typer.Exit(code)
