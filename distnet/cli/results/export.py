"""`distnet export`."""

from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.console import spinner
from distnet.cli.options import RUNS, AsJson, Checkpoint, Context, RunOrJob, Runs, Server
from distnet.cli.output import print_json
from distnet.cli.results.better import say_checkpoint
from distnet.cli.results.find import find_or_fetch
from distnet.cli.results.printing import show_exported


def export(
    run: RunOrJob,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder to write to. Default: RUN/export."),
    ] = None,
    formats: Annotated[
        str, typer.Option("--format", help="safetensors, onnx, or both separated by a comma.")
    ] = "safetensors,onnx",
    checkpoint: Checkpoint = None,
    runs: Runs = RUNS,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Export a run's network as safetensors and ONNX.

    The ONNX file is compared with the network first, on random and on real inputs. It takes
    floats as the data has them, pixels from 0 to 255, and normalises them itself. Of classes it
    gives logits, in the order of the classes in its metadata.
    """
    folder = find_or_fetch(run, runs, server, context, checkpoint=checkpoint)
    with spinner("exporting"):
        # torch takes seconds to import: a run that does not exist is reported first.
        from distnet.trained import export, load

        network = load.load_trained(folder.path, checkpoint=checkpoint)
        names = [name.strip() for name in formats.split(",")]
        exported = export.export(network, output=output, formats=names).to_dict()
    used = say_checkpoint(folder, network.step)
    if as_json:
        print_json(exported | used)
    else:
        show_exported(exported)
