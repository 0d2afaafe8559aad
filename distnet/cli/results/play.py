"""`distnet play`."""

from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import typer

import distnet
from distnet.cli.console import spinner
from distnet.cli.interrupt import says_when_stopped
from distnet.cli.options import RUNS, AsJson, Checkpoint, Context, RunOrJob, Runs, Server
from distnet.cli.output import echo, print_json, say
from distnet.cli.results.better import say_checkpoint
from distnet.cli.results.find import find_or_fetch
from distnet.cli.results.printing import MOST_ROWS, show_predictions
from distnet.spec.plural import counted
from distnet.trained.gif import Gif


def play(
    run: RunOrJob,
    episodes: Annotated[int, typer.Option(min=1, metavar="N", help="How many to play.")] = 10,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Of the episodes. Default: the job's, as in its evaluations."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the first episode as an animated GIF."),
    ] = None,
    checkpoint: Checkpoint = None,
    runs: Runs = RUNS,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Play episodes with a run's network, and print the return of each."""
    folder = find_or_fetch(run, runs, server, context, checkpoint=checkpoint)
    with says_when_stopped("no returns are known"), spinner("reading") as status:
        # distnet.load imports torch: a wrong name comes first
        film = None if output is None else Gif(output)
        watch = None if film is None else film.add
        network = distnet.load(folder.path, checkpoint=checkpoint, use="evaluation")
        played = []
        status.update(f"playing {counted(episodes, 'episode')}")
        for episode in network.play(episodes, seed=seed, watch=watch):
            played.append(episode)
            status.update(f"{len(played):,} of {counted(episodes, 'episode')}")
        if film is not None:
            status.update(f"writing {output}")
            film.write()
    say_checkpoint(folder, network.step)
    rows = [
        {"episode": each.number, "return": each.returned, "moves": each.num_moves}
        for each in played
    ]
    _print(folder.name, network.step, rows, as_json=as_json)
    if output is not None and not as_json:
        say(f"wrote {output}")


def _print(run: str, step: int, rows: list[dict[str, Any]], *, as_json: bool) -> None:
    mean = fmean(row["return"] for row in rows)
    if as_json:
        print_json({"run": run, "step": step, "episodes": rows, "mean_return": mean})
        return
    show_predictions(rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        echo(f"and {len(rows) - MOST_ROWS:,} more: --json")
    echo(f"mean return of {counted(len(rows), 'episode')}: {mean:.4g}")
