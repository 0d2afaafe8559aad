"""`distnet data`: make a dataset of raw files, look at one, check one."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distnet.errors import DataError

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Table

    from distnet.data.manifest import Manifest

MOST_CLASSES = 30
MOST_NUMBERS = 8

Source = Annotated[Path, typer.Argument(metavar="SOURCE", help="A file or folder of raw data.")]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="The folder to make.")]
Dataset = Annotated[
    str, typer.Argument(metavar="DATASET", help="A shipped dataset, such as mnist, or a folder.")
]
Kind = Annotated[
    str | None,
    typer.Option(help="csv, idx, image-folder, npz or parquet; else found out by looking."),
]
Target = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="Table: the column to learn; several for several numbers."),
]
TargetKind = Annotated[
    str | None, typer.Option(metavar="class|number", help="Else decided by the content.")
]
Classes = Annotated[
    str | None, typer.Option(metavar="A,B,...", help="Names of the classes 0, 1, ...")
]
Drop = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="Table: a column to leave out.")
]
SizeText = Annotated[
    str | None,
    typer.Option("--size", metavar="HxW", help="Images: scale and cut all to this size."),
]
ColoursText = Annotated[
    str | None,
    typer.Option("--colours", metavar="grey|rgb", help="Images: else grey where all are."),
]
Licence = Annotated[str, typer.Option(help="The licence of the data, for the record.")]
TestFraction = Annotated[
    float, typer.Option(help="Part set aside as test split, where the source has none.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a dataset that is there.")]
Picture = Annotated[
    Path | None,
    typer.Option(metavar="FILE.png", help="Draw some images of every class into this file."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    data = typer.Typer(
        no_args_is_help=True,
        help="Make, look at and check datasets.",
        epilog="Example: distnet data verify mnist",
    )
    data.command("import", epilog="Example: distnet data import flowers/ flowers-64 --size 64x64")(
        import_
    )
    data.command(epilog="Example: distnet data inspect mnist --picture mnist.png")(inspect)
    data.command(epilog="Example: distnet data verify mnist")(verify)
    app.add_typer(data, name="data")


def import_(
    source: Source,
    out: Out,
    kind: Kind = None,
    target: Target = None,
    target_kind: TargetKind = None,
    classes: Classes = None,
    drop: Drop = None,
    size: SizeText = None,
    colours: ColoursText = None,
    licence: Licence = "unknown",
    test_fraction: TestFraction = 0.2,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Make a dataset of raw files: IDX, a folder of images, CSV, NPZ or Parquet."""
    from distnet.data.importing import import_dataset

    options = {
        "target": tuple(target or ()),
        "target_kind": _one_of("--target-kind", target_kind, ("class", "number")),
        "classes": tuple(name.strip() for name in classes.split(",")) if classes else (),
        "drop": tuple(drop or ()),
        "size": _parse_size(size),
        "colours": _one_of("--colours", colours, ("grey", "rgb")),
    }
    with _progress("samples") as progress:
        task = progress.add_task("reading", total=None)
        manifest = import_dataset(
            source,
            out,
            kind=kind,
            licence=licence,
            test_fraction=test_fraction,
            force=force,
            options=options,
            on_progress=lambda done, total: progress.update(
                task, description="writing", completed=done, total=total
            ),
        )
    _show(out, manifest, as_json=as_json)


def inspect(dataset: Dataset, picture: Picture = None, as_json: Json = False) -> None:
    """Say what a dataset holds."""
    from distnet.data.manifest import read_manifest
    from distnet.data.shipped import find_dataset

    folder = find_dataset(dataset, folder=Path())
    manifest = read_manifest(folder)
    if picture is not None:
        from distnet.data.contact_sheet import draw_contact_sheet

        draw_contact_sheet(folder, manifest, picture, split=_split_order(manifest)[0])
    _show(folder, manifest, as_json=as_json)
    if picture is not None:
        typer.echo(f"drawn: {picture}", err=True)


def verify(dataset: Dataset, as_json: Json = False) -> None:
    """Check every byte and sample of a dataset against its manifest."""
    from distnet.data.shipped import find_dataset
    from distnet.data.verify import verify_dataset

    folder = find_dataset(dataset, folder=Path())
    with _progress("shards") as progress:
        task = progress.add_task("checking", total=None)
        faults = verify_dataset(
            folder,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if as_json:
        typer.echo(json.dumps({"dataset": str(folder), "faults": faults}))
        raise typer.Exit(DataError.exit_code if faults else 0)
    if faults:
        raise DataError("\n".join(faults))
    typer.echo(f"{folder}: whole")


def _one_of(option: str, value: str | None, allowed: tuple[str, ...]) -> str | None:
    if value is not None and value not in allowed:
        raise DataError(f"{option} is {value!r}, expected {' or '.join(allowed)}")
    return value


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise DataError(f"--size is {text!r}, expected HEIGHTxWIDTH in pixels, such as 64x96")
    return int(height), int(width)


def _progress(unit: str) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(f"{{task.completed:,}} {unit}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _show(folder: Path, manifest: "Manifest", *, as_json: bool) -> None:
    if as_json:
        record: dict[str, Any] = {"dataset": str(folder), "sha256": manifest.sha256}
        typer.echo(json.dumps(record | manifest.model_dump(mode="json")))
        return
    from rich.console import Console

    console = Console(highlight=False)
    console.print(f"[bold]{manifest.name}[/]  {folder}", soft_wrap=True)
    console.print(_facts_table(manifest))
    console.print(_splits_table(manifest))
    if manifest.y.kind == "class":
        console.print(_classes_table(manifest))


def _facts_table(manifest: "Manifest") -> "Table":
    from rich.table import Table

    x, y = manifest.x, manifest.y
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    unit = " (as 0 to 1)" if x.dtype == "uint8" else ""
    numbers = "a number" if y.shape == (1,) else f"{_shape(y.shape)} numbers"
    target = f"one of {len(y.classes)} classes" if y.classes else numbers
    names = f": {_listed(y.names)}" if y.names else ""
    columns = f": {_listed(x.names)}" if x.names else ""
    of_y = [
        ("mean of y", _listed([f"{number:.6g}" for number in y.mean])),
        ("deviation of y", _listed([f"{number:.6g}" for number in y.std])),
    ]
    for name, value in (
        ("x", f"{x.kind} {_shape(x.shape)} of {x.dtype}{columns}"),
        ("y", target + names),
        ("mean" + unit, _listed([f"{number:.4g}" for number in x.mean])),
        ("deviation" + unit, _listed([f"{number:.4g}" for number in x.std])),
        *(of_y if y.mean else ()),
        ("source", manifest.source),
        ("licence", manifest.licence),
        ("sha256", manifest.sha256),
    ):
        table.add_row(f"[dim]{name}[/]", _escaped(value))
    return table


def _splits_table(manifest: "Manifest") -> "Table":
    from rich.filesize import decimal
    from rich.table import Table

    table = Table("split")
    for name in ("samples", "shards", "on disk", "in memory"):
        table.add_column(name, justify="right")
    for name in _split_order(manifest):
        split = manifest.splits[name]
        table.add_row(
            name,
            f"{split.num_samples:,}",
            f"{len(split.shards):,}",
            decimal(split.num_bytes),
            decimal(manifest.memory_bytes(name)),
        )
    return table


def _classes_table(manifest: "Manifest") -> "Table":
    from rich.table import Table

    splits = _split_order(manifest)
    table = Table("class")
    for name in splits:
        table.add_column(name, justify="right")
    for index, name in enumerate(manifest.y.classes[:MOST_CLASSES]):
        counts = [f"{manifest.y.class_counts[split][index]:,}" for split in splits]
        table.add_row(_escaped(name), *counts)
    if len(manifest.y.classes) > MOST_CLASSES:
        table.add_row(f"[dim]and {len(manifest.y.classes) - MOST_CLASSES} more[/]")
    return table


def _split_order(manifest: "Manifest") -> list[str]:
    return sorted(manifest.splits, key=lambda name: (name != "train", name))


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _listed(texts: list[str] | tuple[str, ...]) -> str:
    more = f", ... ({len(texts)} in all)" if len(texts) > MOST_NUMBERS else ""
    return ", ".join(texts[:MOST_NUMBERS]) + more


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
