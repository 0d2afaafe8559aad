"""`distnet eval`."""

from typing import Annotated

import typer

from distnet.cli.console import spinner
from distnet.cli.interrupt import says_when_stopped
from distnet.cli.options import RUNS, AsJson, Checkpoint, Context, RunOrJob, Runs, Server
from distnet.cli.output import print_json
from distnet.cli.results.better import say_checkpoint
from distnet.cli.results.find import find_or_fetch
from distnet.cli.results.printing import show_evaluation
from distnet.notebook.run import Run
from distnet.spec.plural import counted


def eval_(
    run: RunOrJob,
    split: Annotated[
        str | None, typer.Option(help="The split to evaluate. Default: that of the job.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="DATASET", help="Another dataset, by name or folder.")
    ] = None,
    checkpoint: Checkpoint = None,
    runs: Runs = RUNS,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a run's network on a split, each sample once."""
    folder = find_or_fetch(run, runs, server, context, checkpoint=checkpoint)
    with says_when_stopped("nothing was measured"), spinner("reading") as status:
        evaluation = Run(folder).evaluate(
            split=split,
            data=data,
            checkpoint=checkpoint,
            progress=lambda done, all_: status.update(f"{done:,} of {counted(all_, 'sample')}"),
        )
    say_checkpoint(folder, evaluation["step"])
    if as_json:
        print_json(evaluation)
    else:
        show_evaluation(evaluation)
