"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]

JobFile = Annotated[Path, typer.Argument(metavar="JOB", help="The job file.")]
Sets = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key: train.epochs=3. Repeatable."),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Number of workers, instead of resources.workers.")
]
Inline = Annotated[bool, typer.Option("--inline", help="Train in this process, without Ray.")]

Sweep = Annotated[
    list[str],
    typer.Option(
        "--sweep", metavar="KEY=1..10|a,b|[1,2],[3]", help="One trial for each combination."
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(
        min=2,
        metavar="K",
        help="K folds: each part of the training samples is left out once, and evaluated on.",
    ),
]
StopEarly = Annotated[
    bool,
    typer.Option(
        "--stop-early",
        help="With --sweep: train all for some epochs, and only the best third further.",
    ),
]
TrialsAtOnce = Annotated[
    int | None,
    typer.Option(
        "--trials-at-once", min=1, metavar="N", help="Run no more than N trials of a sweep at once."
    ),
]

RUNS = Path("runs")
Runs = Annotated[
    Path, typer.Option(envvar="DISTNET_RUNS", metavar="DIR", help="The folder of run folders.")
]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A run: name, folder, or latest.")]
RunOrJob = Annotated[
    str, typer.Argument(metavar="RUN|JOB", help="A run (name, folder, latest), or a server's job.")
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        metavar="WHICH",
        help="The weights: newest, best, or a step. Default: best if the job keeps it.",
    ),
]

Dataset = Annotated[
    str, typer.Argument(metavar="DATASET", help="A shipped dataset, such as mnist, or a folder.")
]

Delimiter = Annotated[
    str | None,
    typer.Option(metavar="CHARACTER", help="CSV: between the cells, or tab. Default: recognised."),
]
Decimal = Annotated[
    str | None,
    typer.Option(metavar=".|,", help="CSV: the decimal mark of numbers. Default: recognised."),
]

Server = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Address of the server. Default: DISTNET_SERVER."),
]
Context = Annotated[
    str | None, typer.Option(metavar="NAME", help="Use the server of this context.")
]
Job = Annotated[str, typer.Argument(metavar="JOB", help="Name of a job.")]
Jobs = Annotated[list[str], typer.Argument(metavar="JOB|SWEEP", help="Jobs or sweeps, by name.")]
JobOrSweep = Annotated[str, typer.Argument(metavar="JOB|SWEEP", help="A job or a sweep, by name.")]
Timeout = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Wait at most this long.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Send the request and return at once.")]

Limit = Annotated[int, typer.Option(min=1, max=1000, help="Show at most this many jobs.")]
Owner = Annotated[str | None, typer.Option(metavar="USER", help="Only jobs of this user.")]
Team = Annotated[str | None, typer.Option(metavar="TEAM", help="Only jobs of this team.")]
Array = Annotated[str | None, typer.Option(metavar="NAME", help="Only jobs of this sweep.")]
Name = Annotated[str | None, typer.Option(help="Name of the job. Default: JOB-N.")]
Priority = Annotated[
    int | None, typer.Option(min=-1000, max=1000, help="Priority, instead of queue.priority.")
]
TeamOfJob = Annotated[
    str | None, typer.Option("--team", help="Team whose quota it counts against.")
]
At = Annotated[
    str | None, typer.Option(metavar="TIME", help="22:00, 2026-05-01T22:00 (local) or +2h.")
]
