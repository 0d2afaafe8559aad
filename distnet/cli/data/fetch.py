"""`distnet data fetch`."""

from pathlib import Path, PurePosixPath
from typing import Annotated
from urllib.parse import urlsplit

import typer

from distnet.cli.agree import agree
from distnet.cli.data.catalogue import Datasets, is_imported, size
from distnet.cli.data.progress import transfer_bar
from distnet.cli.groups import DATASETS as VERBS
from distnet.cli.interrupt import says_when_stopped
from distnet.cli.lazy import LazyCommand
from distnet.cli.options import AsJson
from distnet.cli.output import echo, print_json, say
from distnet.data.catalogue.entry import Entry
from distnet.data.catalogue.names import DATASETS, raw_folder
from distnet.data.catalogue.read import read_entry
from distnet.data.download.http import DownloadError
from distnet.data.download.raw import bring

Name = Annotated[str, typer.Argument(metavar="NAME", help="A data set; see: distnet data list")]
Mirror = Annotated[
    str | None,
    typer.Option(
        "--mirror",
        metavar="URL|DIR",
        envvar="DISTNET_DATA_MIRROR",
        help="Take the files from this mirror, not from the publisher: an http(s) address, or a "
        "folder.",
    ),
]
NoImport = Annotated[bool, typer.Option("--no-import", help="Fetch the raw files only.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not prompt.")]


def fetch(
    name: Name,
    mirror: Mirror = None,
    datasets: Datasets = DATASETS,
    no_import: NoImport = False,
    is_agreed: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Fetch a data set that a shipped job file needs, and import it.

    The raw files come to datasets/raw/NAME, from their publisher or a mirror, and are verified by
    sha256. What has arrived stays when it is interrupted: the same command goes on from there.
    """
    entry = read_entry(name)
    raw, out = raw_folder(datasets, name), datasets / name
    if is_imported(out) and not no_import:
        say(f"{out} is here already; see: distnet data inspect {out}")
        if as_json:
            print_json({"dataset": str(out)})
        return
    if raw.is_dir():
        say(f"{raw} is here already")
    else:
        agree(_question(entry, mirror), is_agreed=is_agreed)
        _bring(entry, raw, mirror)
        say(f"{raw} is complete")
    if no_import:
        command = entry.import_command(raw, out)
        if as_json:
            print_json({"raw": str(raw), "import": command})
        else:
            echo(command)
        return
    _import(entry, raw, out, as_json=as_json)


def _question(entry: Entry, mirror: str | None) -> str:
    """What would be fetched, and on which terms."""
    origin = mirror or f"{size(entry)} from {urlsplit(entry.address).hostname}"
    return (
        f"{entry.name}: {entry.title}\n"
        f"publisher: {entry.publisher}; {entry.page}\n"
        f"licence: {entry.licence}\n"
        f"download: {origin}"
    )


def _bring(entry: Entry, raw: Path, mirror: str | None) -> None:
    """Download the raw files, with a progress bar."""
    stopped = "what has arrived stays; to go on from there, run the command again"
    with says_when_stopped(stopped), transfer_bar() as bar:
        task = bar.add_task(f"fetching {entry.name}", total=None)
        try:
            bring(
                entry,
                raw,
                mirror=mirror,
                on_progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        except DownloadError as error:
            if mirror is not None:
                raise
            raise DownloadError(f"{error}\n{_by_hand(entry, raw)}") from None


def _by_hand(entry: Entry, raw: Path) -> str:
    """What to do where the publisher does not have the files any more."""
    files = ", ".join(entry.files)
    if entry.archive is not None:
        files = f"the files of the folder {PurePosixPath(entry.archive.folder).name}"
    return f"by hand: get {files} from {entry.page} into {raw}, then run this command again"


def _import(entry: Entry, raw: Path, out: Path, *, as_json: bool) -> None:
    """Call `distnet data import` as a user would."""
    arguments = entry.import_arguments(raw, out) + ["--json"] * as_json
    command = LazyCommand("import", VERBS["import"]).load()
    command.main(arguments, "distnet data import", standalone_mode=False)
    if entry.jobs and not as_json:
        say(f"job files that need it: {', '.join(f'jobs/{job}.yaml' for job in entry.jobs)}")
