"""`distnet init`."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.options import AsJson
from distnet.cli.output import echo, print_json
from distnet.cli.train.starter.job import choose_network, choose_task, has_shipped_task, starter_job
from distnet.data.manifest import MANIFEST, read_manifest
from distnet.data.shipped import find_dataset
from distnet.data.sources.source import detect_kinds, remedy, source_kinds
from distnet.errors import DataError, JobFileError
from distnet.spec.parts import shipped_datasets
from distnet.spec.printable import argument
from distnet.spec.reading.faults import shortened

Data = Annotated[
    str, typer.Argument(metavar="DATA", help="A shipped dataset, such as mnist, or a folder.")
]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="The job file to write.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing file.")]


def init(
    data: Data, output: Output = Path("job.yaml"), force: Force = False, as_json: AsJson = False
) -> None:
    """Write a commented job file for a dataset.

    Task and network are chosen by what the dataset contains.
    """
    dataset, is_shipped = _find(data)
    manifest = read_manifest(dataset)
    if "train" not in manifest.splits:
        known = ", ".join(manifest.splits)
        raise DataError(f"{dataset}: found the splits {known}, expected one named train")
    if not has_shipped_task(manifest):
        found = ", ".join(f"{name} ({field.kind})" for name, field in manifest.fields.items())
        raise DataError(
            f"{dataset}: found the fields {found}, expected x (image, vector, audio or tokens) and "
            "y (class or number), x (image of one size) and boxes or mask, or tokens alone, from "
            "which the shipped tasks learn; for others, write a task and a network of your own and "
            "name them in a job file: kind: ./mytask.py:MyTask (what a task needs is described in "
            "distnet/tasks/task.py)"
        )
    source = data if is_shipped else _relative(dataset, output)
    _write(output, starter_job(manifest, source=source, file=shortened(output.name)), force=force)
    chosen = {"task": choose_task(manifest), "network": choose_network(manifest)}
    if as_json:
        print_json({"file": str(output), "data": source} | chosen)
        return
    echo(f"wrote {output}: task {chosen['task']}, network {chosen['network']}")
    file = argument(output)
    echo(f"next: distnet check {file}, then: distnet run {file}")


def _find(data: str) -> tuple[Path, bool]:
    """Find the dataset, and whether it ships with distnet."""
    path, is_shipped = Path(data), data in shipped_datasets()
    if path.exists() and not is_shipped and not (path / MANIFEST).exists():
        raise DataError(_how_to_import(path))
    return find_dataset(data, folder=Path.cwd()), is_shipped


def _how_to_import(path: Path) -> str:
    try:
        kind, *others = detect_kinds(path)
    except DataError:
        kinds = ", ".join(source_kinds())
        return (
            f"{path}: found neither a dataset nor raw data, expected a dataset, or one of: {kinds};"
            f" {remedy(path)}"
        )
    made = f"{path.resolve().name.partition('.')[0]}-dataset"
    command = shlex.join(["distnet", "data", "import", str(path), made])
    return (
        f"{path}: found raw data ({' or '.join([kind, *others])}), expected a dataset; import it "
        f"first with: {command}, then: {shlex.join(['distnet', 'init', made])}"
    )


def _relative(dataset: Path, output: Path) -> str:
    """The path of the dataset from the job file's folder, as the job reads it."""
    path = os.path.relpath(dataset.resolve(), output.parent.resolve())
    return path if path.startswith("..") else f"./{path}"


def _write(path: Path, text: str, *, force: bool) -> None:
    if path.exists() and not force:
        remedy = "choose another with --output, or replace it with --force"
        raise JobFileError(f"{path}: found an existing file, expected none; {remedy}")
    if not path.parent.is_dir():
        raise JobFileError(f"{path}: found no folder {path.parent}, expected one; create it first")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except (OSError, UnicodeEncodeError) as error:
        temporary.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or error
        raise JobFileError(f"{path}: cannot write the job file: {reason}") from None
