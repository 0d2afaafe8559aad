"""`distnet sample`."""

from pathlib import Path
from typing import Annotated

import typer

import distnet
from distnet.cli.console import spinner
from distnet.cli.interrupt import says_when_stopped
from distnet.cli.options import RUNS, AsJson, Checkpoint, Context, RunOrJob, Runs, Server
from distnet.cli.output import echo, print_json
from distnet.cli.results.better import say_checkpoint
from distnet.cli.results.find import find_or_fetch
from distnet.spec.plural import counted
from distnet.trained.image_files import require_output, write_images


def sample(
    run: RunOrJob,
    number: Annotated[int, typer.Option(min=1, metavar="N", help="How many images.")] = 64,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png|DIR",
            help="One PNG with all of them, or a folder with a PNG for each. "
            "Default: RUN/samples.png.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed makes the same images; 0: the evaluation's.")
    ] = 0,
    of_class: Annotated[
        str | None,
        typer.Option("--class", metavar="NAME", help="Of one class, if the run knows classes."),
    ] = None,
    checkpoint: Checkpoint = None,
    runs: Runs = RUNS,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Generate images with the network of a run, and write them as PNG."""
    folder = find_or_fetch(run, runs, server, context, checkpoint=checkpoint)
    output = output or folder.path / "samples.png"
    require_output(number, output)
    num_images, num_files = counted(number, "image"), counted(number, "file")
    with says_when_stopped("no images were written"), spinner("reading") as status:
        # `distnet.load` imports torch, among others
        trained = distnet.load(folder.path, checkpoint=checkpoint)
        images = trained.sample(
            number,
            seed=seed,
            of_class=of_class,
            progress=lambda made: status.update(f"{made:,} of {num_images}"),
        )
        status.update("writing")
        files = write_images(
            images,
            output,
            progress=lambda written: status.update(f"wrote {written:,} of {num_files}"),
        )
    used = say_checkpoint(folder, trained.step)
    if as_json:
        print_json({"files": [str(file) for file in files], "number": number, "seed": seed} | used)
    else:
        echo(files[0] if len(files) == 1 else f"{files[0]} ... {files[-1].name}")
