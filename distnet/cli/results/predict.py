"""`distnet predict`."""

from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.console import spinner
from distnet.cli.options import RUNS, AsJson, Checkpoint, Decimal, Delimiter, Run, Runs
from distnet.cli.output import print_json, say
from distnet.cli.results.better import say_checkpoint
from distnet.cli.results.masks import write_masks
from distnet.cli.results.printing import show_predictions
from distnet.report.find import find_run


def predict(
    run: Run,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE", help="Images, sound files, tables (CSV, Parquet), or texts, one a line."
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option("--text", metavar="TEXT", help="A text to predict. Repeat it for several."),
    ] = None,
    as_is: Annotated[
        bool | None,
        typer.Option(
            "--as-is/--centre",
            help="Read images as an import does, or find and centre the figure in them. "
            "Default: as is, unless the dataset is one of arrays with drawn figures, as mnist.",
        ),
    ] = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FOLDER",
            help="Where masks go, as PNG. Default: predictions, in the run.",
        ),
    ] = None,
    checkpoint: Checkpoint = "newest",
    runs: Runs = RUNS,
    as_json: AsJson = False,
) -> None:
    """Predict images, recordings, texts, or rows of CSV and Parquet files with a run's network.

    An image may have any size and colours, dark on light or light on dark. A recording must have
    the sample rate of those that the network learned from.
    """
    if not files and not text:
        raise typer.BadParameter("found nothing to predict, expected files, or a text: --text TEXT")
    folder = find_run(run, runs)
    with spinner("reading"):
        # torch takes seconds to import: a run that does not exist is reported first.
        from distnet.trained import load, predict

        network = load.load_trained(folder.path, checkpoint=checkpoint)
        predictions = predict.predict_texts(network, text or [])
        predictions += predict.predict(
            network, files or [], as_is=as_is, delimiter=delimiter, decimal=decimal
        )
        predictions = write_masks(predictions, output or folder.path / "predictions")
    say_checkpoint(folder, network.step)
    if note := predict.reading_note(network, files or [], as_is):
        say(f"note: {note}")
    if as_json:
        print_json(predictions)
    else:
        show_predictions(predictions)
