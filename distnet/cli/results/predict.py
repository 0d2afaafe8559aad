"""`distnet predict`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from distnet.cli.console import spinner
from distnet.cli.interrupt import says_when_stopped
from distnet.cli.options import (
    RUNS,
    AsJson,
    Checkpoint,
    Context,
    Decimal,
    Delimiter,
    RunOrJob,
    Runs,
    Server,
)
from distnet.cli.output import print_json, say
from distnet.cli.results.better import say_checkpoint
from distnet.cli.results.find import find_or_fetch
from distnet.cli.results.masks import write_masks
from distnet.cli.results.prediction_table import is_table, write_table
from distnet.cli.results.printing import show_predictions
from distnet.data.sources.files.given import existing, files_below
from distnet.data.sources.files.kinds import TEXTS, kind_for
from distnet.data.sources.texts.utf8 import read_text
from distnet.errors import DataError, RunError
from distnet.run_folder.paths import RunFolder
from distnet.spec.plural import counted
from distnet.trained.reading import Reading, data_manifest

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE",
        help="Images, sound files, tables (CSV, Parquet), or texts, one a line; folders of such, "
        "and patterns in quotes.",
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
        metavar="PATH",
        help="FILE.csv or FILE.parquet: where all predictions go, as a table. Else the folder for "
        "masks, as PNG; default: predictions, in the run.",
    ),
]


def predict(
    run: RunOrJob,
    files: Files = None,
    text: Texts = None,
    question: Questions = None,
    as_is: AsIs = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    output: Output = None,
    checkpoint: Checkpoint = None,
    runs: Runs = RUNS,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Predict images, recordings, texts, or rows of CSV and Parquet files with a run's network.

    An image may have any size and colours, dark on light or light on dark. A recording must have
    the sample rate of those that the network learned from.
    """
    if not files and not text:
        raise DataError("found nothing to predict; give files, or a text: --text TEXT")
    folder = find_or_fetch(run, runs, server, context, checkpoint=checkpoint)
    # torch takes seconds to import: what does not exist, or does not fit, is reported first.
    how = Reading(as_is, delimiter, decimal)
    found = _found(folder, files or [], how, has_questions=bool(question))
    with says_when_stopped("nothing was predicted"), spinner("reading") as status:
        from distnet.trained import load, predict, questions  # imports torch

        network = load.load_trained(folder.path, checkpoint=checkpoint)
        if question:
            contexts = [*(text or []), *map(read_text, found)]
            predictions = questions.answer_questions(network, contexts, question)
        else:
            predictions = predict.predict_texts(network, text or [])
            predictions += predict.predict(
                network,
                found,
                **asdict(how),
                progress=lambda number: status.update(
                    f"{number:,} of {counted(len(found), 'file')}"
                ),
            )
        predictions = _with_files(predictions, folder, network.job.task.kind, output)
    say_checkpoint(folder, network.step)
    if not question and (note := predict.reading_note(network, found, as_is)):
        say(f"note: {note}")
    if as_json:
        print_json(predictions)
    elif not is_table(output):
        show_predictions(predictions)


def _found(
    folder: RunFolder, files: Sequence[Path], how: Reading, *, has_questions: bool
) -> list[Path]:
    """The files that are given, and those in folders; says what is left out of these.

    Raises:
        DataError: a file does not exist, or an option has nothing to do with the files.
    """
    paths = existing(files)
    if not folder.data_manifest.is_file():
        return paths
    fields = data_manifest(folder).fields
    kind = TEXTS if has_questions else kind_for(fields["x"].kind if "x" in fields else "")
    found, left_out = files_below(paths, kind)
    for line in left_out:
        say(f"note: {line}")
    if "x" in fields:
        how.check(fields["x"], found)
    return found


def _with_files(
    predictions: list[dict[str, Any]], folder: RunFolder, task: str, output: Path | None
) -> list[dict[str, Any]]:
    """Write masks, which become the paths of their files, and the table."""
    has_table = is_table(output)
    if output is not None and not has_table and not any("mask" in one for one in predictions):
        raise RunError(
            f"--output: the task {task} predicts no masks to write; leave it out, or write all "
            "predictions into a table: --output FILE.csv or FILE.parquet"
        )
    masks = folder.path / "predictions" if output is None or has_table else output
    predictions = write_masks(predictions, masks)
    if output is not None and has_table:
        write_table(predictions, output)
        say(f"{output}: wrote {counted(len(predictions), 'prediction')}")
    return predictions
