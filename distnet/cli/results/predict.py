"""`distnet predict`."""

from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.console import spinner
from distnet.cli.interrupt import says_when_stopped
from distnet.cli.options import RUNS, AsJson, Checkpoint, Decimal, Delimiter, Run, Runs
from distnet.cli.output import print_json, say
from distnet.cli.results.better import say_checkpoint
from distnet.cli.results.masks import write_masks
from distnet.cli.results.printing import show_predictions
from distnet.data.sources.texts.utf8 import read_text
from distnet.errors import DataError, RunError
from distnet.report.find import find_run
from distnet.spec.plural import counted

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE", help="Images, sound files, tables (CSV, Parquet), or texts, one a line."
    ),
]
Texts = Annotated[
    list[str] | None,
    typer.Option("--text", metavar="TEXT", help="A text to predict. Repeat it for several."),
]
Questions = Annotated[
    list[str] | None,
    typer.Option(
        "--question",
        metavar="TEXT",
        help="A question about each text; a file is one text then. Repeat it for several.",
    ),
]
AsIs = Annotated[
    bool | None,
    typer.Option(
        "--as-is/--centre",
        help="Read images as an import does, or find and centre the figure in them. "
        "Default: as is, unless the dataset is one of arrays with drawn figures, as mnist.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="FOLDER",
        help="Where masks go, as PNG. Default: predictions, in the run.",
    ),
]


def predict(
    run: Run,
    files: Files = None,
    text: Texts = None,
    question: Questions = None,
    as_is: AsIs = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    output: Output = None,
    checkpoint: Checkpoint = None,
    runs: Runs = RUNS,
    as_json: AsJson = False,
) -> None:
    """Predict images, recordings, texts, or rows of CSV and Parquet files with a run's network.

    An image may have any size and colours, dark on light or light on dark. A recording must have
    the sample rate of those that the network learned from.
    """
    if not files and not text:
        raise DataError("found nothing to predict; give files, or a text: --text TEXT")
    folder = find_run(run, runs)
    with says_when_stopped("nothing was predicted"), spinner("reading") as status:
        # torch takes seconds to import: a run that does not exist is reported first.
        from distnet.trained import load, predict, questions

        network = load.load_trained(folder.path, checkpoint=checkpoint)
        if question:
            contexts = [*(text or []), *map(read_text, files or [])]
            predictions = questions.answer_questions(network, contexts, question)
        else:
            predictions = predict.predict_texts(network, text or [])
            for number, file in enumerate(files or []):
                status.update(f"{number:,} of {counted(len(files or []), 'file')}")
                predictions += predict.predict(
                    network, [file], as_is=as_is, delimiter=delimiter, decimal=decimal
                )
            if output is not None and not any("mask" in one for one in predictions):
                kind = network.job.task.kind
                raise RunError(
                    f"--output: the task {kind} predicts no masks to write; leave it out"
                )
            predictions = write_masks(predictions, output or folder.path / "predictions")
    say_checkpoint(folder, network.step)
    if not question and (note := predict.reading_note(network, files or [], as_is)):
        say(f"note: {note}")
    if as_json:
        print_json(predictions)
    else:
        show_predictions(predictions)
