"""`distnet eval`, `distnet predict` and `distnet export`: use what a run has learned."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run: name, folder, or latest.")]
Runs = Annotated[
    Path, typer.Option(envvar="DISTNET_RUNS", metavar="DIR", help="The folder of run folders.")
]
Checkpoint = Annotated[
    str,
    typer.Option(metavar="WHICH", help="Whose weights: newest, best (by best_metric), or a step."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("eval", epilog="Example: distnet eval digits-1 --split test")(evaluate)
    app.command(epilog="Example: distnet predict digits-1 seven.png")(predict)
    app.command(epilog="Example: distnet export digits-1 --output models")(export)


def evaluate(
    run: RunName,
    split: Annotated[
        str | None, typer.Option(help="The split of the data; default: the job's.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="DATASET", help="Other data: a dataset's name or folder.")
    ] = None,
    checkpoint: Checkpoint = "newest",
    runs: Runs = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Measure a run's network on every sample of a split."""
    from distnet.report.find import find_run

    folder = find_run(run, runs)
    with _working("measuring"):
        from distnet.trained.load import evaluate

        figures = evaluate(folder.path, split=split, data=data, checkpoint=checkpoint)
    if as_json:
        print(json.dumps(figures))
        return
    from distnet.cli.look.weights_tables import show_evaluation

    show_evaluation(figures)


def predict(
    run: RunName,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Pictures, or CSV files with a row a sample."),
    ],
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Do not find and centre the figure of a picture.")
    ] = False,
    checkpoint: Checkpoint = "newest",
    runs: Runs = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Say what a run's network takes pictures or rows of a table for.

    A picture may have any size and any colours, dark on light or light on dark.
    """
    from distnet.report.find import find_run

    folder = find_run(run, runs)
    with _working("reading"):
        from distnet.trained.load import load_trained
        from distnet.trained.predict import predict

        said = predict(load_trained(folder.path, checkpoint=checkpoint), files, as_is=as_is)
    if as_json:
        print(json.dumps(said))
        return
    from distnet.cli.look.weights_tables import show_predictions

    show_predictions(said)


def export(
    run: RunName,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder of the files; default: RUN/export."),
    ] = None,
    formats: Annotated[
        str, typer.Option("--format", help="safetensors, onnx, or both with a comma.")
    ] = "safetensors,onnx",
    checkpoint: Checkpoint = "newest",
    runs: Runs = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Write a run's network for other programs; ONNX is checked against it first."""
    from distnet.report.find import find_run

    folder = find_run(run, runs)
    with _working("exporting"):
        from distnet.trained.export import export
        from distnet.trained.load import load_trained

        exported = export(
            load_trained(folder.path, checkpoint=checkpoint),
            output=output,
            formats=[name.strip() for name in formats.split(",")],
        )
    if as_json:
        print(json.dumps(exported.to_dict()))
        return
    from distnet.cli.look.weights_tables import show_exported

    show_exported(exported.to_dict())


@contextmanager
def _working(what: str) -> Iterator[None]:
    """Show on a terminal that something is being done."""
    from rich.console import Console

    with Console(stderr=True).status(f"{what} ..."):
        yield
