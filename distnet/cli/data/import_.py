"""`distnet data import`."""

import csv
from pathlib import Path
from typing import Annotated, Any

import typer

from distnet.cli.data.import_options import (
    Category,
    Classes,
    Colours,
    Decimal,
    Delimiter,
    Drop,
    Force,
    Gap,
    Header,
    IgnoreIndex,
    Images,
    Inputs,
    Kind,
    Layout,
    Licence,
    Like,
    Masks,
    Missing,
    Names,
    Sheet,
    Size,
    SkipUnreadable,
    SourceLang,
    SpriteSize,
    StepsPerBeat,
    Target,
    TargetKind,
    TargetLang,
    Tasks,
    Test,
    TestFraction,
    TextColumn,
    Thousands,
    Tokenizer,
    ValidationFraction,
    Vocabulary,
)
from distnet.cli.data.progress import progress_bar
from distnet.cli.data.tables import show_dataset
from distnet.cli.interrupt import says_when_stopped
from distnet.cli.options import AsJson
from distnet.cli.output import say
from distnet.cli.train.starter.job import has_shipped_task
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.data.shipped import find_dataset
from distnet.errors import DataError
from distnet.spec.printable import argument

Source = Annotated[Path, typer.Argument(metavar="SOURCE", help="A file or folder of raw data.")]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="The folder to create.")]


def import_(
    source: Source,
    out: Out,
    kind: Kind = None,
    target: Target = None,
    target_kind: TargetKind = None,
    classes: Classes = None,
    drop: Drop = None,
    category: Category = None,
    missing: Missing = None,
    header: Header = None,
    inputs: Inputs = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    text: TextColumn = None,
    tokenizer: Tokenizer = None,
    vocabulary: Vocabulary = None,
    source_lang: SourceLang = None,
    target_lang: TargetLang = None,
    tasks: Tasks = None,
    size: Size = None,
    colours: Colours = None,
    layout: Layout = None,
    images: Images = None,
    masks: Masks = None,
    ignore_index: IgnoreIndex = None,
    sheet: Sheet = None,
    sprite_size: SpriteSize = None,
    gap: Gap = None,
    names: Names = None,
    test: Test = None,
    steps_per_beat: StepsPerBeat = None,
    like: Like = None,
    skip_unreadable: SkipUnreadable = False,
    licence: Licence = "unknown",
    test_fraction: TestFraction = None,
    validation_fraction: ValidationFraction = 0.0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Make a dataset from raw files: images or sounds in folders, tables, arrays, text, music.

    The kind of data is detected. Each has a panel of options; those of another are refused.
    """
    options = {
        **{"target": tuple(target or ()), "target_kind": target_kind, "drop": tuple(drop or ())},
        **{"category": tuple(category or ()), "missing": _names("--missing", missing)},
        **{"classes": _names("--classes", classes), "size": _parse_size(size), "inputs": inputs},
        **{"delimiter": delimiter, "decimal": decimal, "thousands": thousands},
        **{"text": text, "tokenizer": tokenizer, "vocabulary": vocabulary, "colours": colours},
        **{"layout": layout, "images": images, "masks": masks, "source_lang": source_lang},
        **{"target_lang": target_lang, "names": names, "sheet": sheet, "sprite_size": sprite_size},
        **{"steps_per_beat": steps_per_beat, "skip_unreadable": skip_unreadable},
        **{"tasks": _numbers("--tasks", tasks), "header": _yes_or_no(header)},
        **{"ignore_index": _numbers("--ignore-index", ignore_index), "gap": gap, "test": test},
    }
    settings: dict[str, Any] = {"kind": kind, "licence": licence, "force": force}
    settings |= {"test_fraction": test_fraction, "validation_fraction": validation_fraction}
    _show(out, _imported(source, out, like, options=options, **settings), as_json=as_json)


def _show(out: Path, manifest: Manifest, *, as_json: bool) -> None:
    """Print what was made, and what to do next."""
    show_dataset(out, manifest, as_json=as_json)
    if not as_json and has_shipped_task(manifest):
        say(f"next, a job file that fits it: distnet init {argument(out)}")


def _imported(source: Path, out: Path, like: str | None, **settings: Any) -> Manifest:
    """Import, with a progress bar."""
    other = None if like is None else find_dataset(like, folder=Path.cwd())
    stopped = "no dataset was written; to import, run the command again"
    with says_when_stopped(stopped), progress_bar("samples") as progress:
        task = progress.add_task("reading", total=None)
        return import_dataset(
            source,
            out,
            like=other,
            **settings,
            on_progress=lambda done, total: progress.update(
                task, description="writing", completed=done, total=total
            ),
        )


def _yes_or_no(flag: bool | None) -> str | None:
    """What was set; an option that is False would count as one that was not."""
    return None if flag is None else "yes" if flag else "no"


def _names(option: str, text: str | None) -> tuple[str, ...]:
    """Cut a list at its commas; a name that has one is in double quotes, as in CSV.

    Raises:
        DataError: a quote is not closed.
    """
    if not text:
        return ()
    try:
        [names] = csv.reader([text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        wrong = f"found {text!r}, which cannot be cut at its commas: {error}"
        raise DataError(f'{option}: {wrong}; quote names as in: "a,b",c') from None
    return tuple(name.strip() for name in names)


def _numbers(option: str, text: str | None) -> tuple[int, ...]:
    """Cut a list of whole numbers at its commas; empty where there is none."""
    if not text:
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(map(str.isdecimal, parts)):
        raise DataError(f"{option}: found {text!r}, expected numbers, such as 1,6")
    return tuple(map(int, parts))


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    height, cross, width = text.lower().partition("x")
    width = width if cross else height
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise DataError(
            f"--size: found {text!r}, expected HEIGHTxWIDTH in pixels, such as 64x96, or 64"
        )
    return int(height), int(width)
