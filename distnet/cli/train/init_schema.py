"""`distnet schema` and `distnet init`: what helps to write a job file."""

import json
import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from distnet.errors import DataError, JobFileError
from distnet.spec.reading.faults import shortened

Data = Annotated[
    str, typer.Argument(metavar="DATA", help="A dataset that ships with distnet, or its folder.")
]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The job file.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file where there is one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: distnet init leaves --output leaves.yaml")(init)
    app.command(epilog="Example: distnet schema > job.schema.json")(schema)


def init(
    data: Data, output: Output = Path("job.yaml"), force: Force = False, as_json: AsJson = False
) -> None:
    """Write a commented job file for a dataset, choosing task and network by what the data is."""
    from distnet.cli.train.starter import choose_network, choose_task, starter_job
    from distnet.data.manifest import read_manifest

    dataset, is_shipped = _find(data)
    manifest = read_manifest(dataset)
    if "train" not in manifest.splits:
        known = ", ".join(manifest.splits)
        raise DataError(f"{dataset}: found the splits {known}, expected one named train")
    source = data if is_shipped else _seen_from(output, dataset)
    _write(output, starter_job(manifest, source=source, file=shortened(output.name)), force=force)
    chosen = {"task": choose_task(manifest), "network": choose_network(manifest)}
    if as_json:
        typer.echo(json.dumps({"file": str(output), "data": source} | chosen))
        return
    typer.echo(f"wrote {output}: task {chosen['task']}, network {chosen['network']}")
    typer.echo(f"next: distnet check {output}, then: distnet run {output}")


def schema(as_json: AsJson = False) -> None:
    """Print the JSON schema of job files, by which editors complete and check them.

    It is JSON in any case; with --json it stands on one line.
    """
    from distnet.spec.schema import job_schema

    typer.echo(json.dumps(job_schema(), indent=None if as_json else 2))


def _find(data: str) -> tuple[Path, bool]:
    """Find the dataset, and whether it ships with distnet."""
    from distnet.data.manifest import MANIFEST
    from distnet.data.shipped import find_dataset, shipped_datasets

    path, is_shipped = Path(data), data in shipped_datasets()
    if path.exists() and not is_shipped and not (path / MANIFEST).exists():
        raise DataError(_how_to_import(path))
    return find_dataset(data, folder=Path.cwd()), is_shipped


def _how_to_import(path: Path) -> str:
    from distnet.data.sources.source import detect_kind, source_kinds

    try:
        kind = detect_kind(path)
    except DataError:
        kinds = ", ".join(source_kinds())
        return f"{path}: found no dataset, nor raw data to make one of ({kinds})"
    made = f"{path.resolve().name.partition('.')[0]}-dataset"
    command = shlex.join(["distnet", "data", "import", str(path), made])
    return (
        f"{path}: found raw data ({kind}), expected a dataset; import it first with: {command}, "
        f"then: {shlex.join(['distnet', 'init', made])}"
    )


def _seen_from(output: Path, dataset: Path) -> str:
    """Name the dataset as a path from the job file's folder, which is how the job reads it."""
    path = os.path.relpath(dataset.resolve(), output.parent.resolve())
    return path if path.startswith("..") else f"./{path}"


def _write(path: Path, text: str, *, force: bool) -> None:
    if path.exists() and not force:
        remedy = "name another with --output, or replace it with --force"
        raise JobFileError(f"{path}: found a file there already, expected none; {remedy}")
    if not path.parent.is_dir():
        raise JobFileError(f"{path}: found no folder {path.parent}, expected one; make it first")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except (OSError, UnicodeEncodeError) as error:
        temporary.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or error
        raise JobFileError(f"{path}: the job file cannot be written: {reason}") from None
