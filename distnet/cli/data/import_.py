"""`distnet data import`."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.data.progress import progress_bar
from distnet.cli.data.tables import show_dataset
from distnet.cli.options import AsJson, Decimal, Delimiter
from distnet.cli.output import say
from distnet.data.importing import import_dataset
from distnet.errors import DataError

Source = Annotated[Path, typer.Argument(metavar="SOURCE", help="A file or folder of raw data.")]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="The folder to create.")]
Kind = Annotated[
    str | None,
    typer.Option(
        help="csv, idx, image-folder, masks, npz, parallel-text, parquet, pascal-voc, "
        "sound-folder, text or text-table. Default: detected."
    ),
]
Target = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="Tables: the column to learn. Repeat it for several."),
]
TargetKind = Annotated[
    str | None, typer.Option(metavar="class|number", help="Default: detected from the content.")
]
Classes = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,...", help='Names of the classes 0, 1, ..., such as ant,"bee, wild".'
    ),
]
Drop = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="Tables: a column to leave out.")
]
TextColumn = Annotated[
    str | None,
    typer.Option("--text", metavar="COLUMN", help="Tables of texts: the column that holds them."),
]
Tokenizer = Annotated[
    str | None,
    typer.Option(
        metavar="words|characters|bpe",
        help="Texts: what a token is; bpe: parts of words. Default: words; of translations bpe.",
    ),
]
Vocabulary = Annotated[
    int | None,
    typer.Option(metavar="N", help="Texts: keep the N most frequent tokens. Default: 10000."),
]
Header = Annotated[
    str | None,
    typer.Option(
        metavar="yes|no",
        help="Tables of texts: whether the first line names the columns. Default: detected.",
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="HxW",
        help="Images: scale and crop all to this size; with boxes or masks without cropping.",
    ),
]
Colours = Annotated[
    str | None,
    typer.Option("--colours", metavar="grey|rgb", help="Images. Default: grey if all are."),
]
Layout = Annotated[
    str | None,
    typer.Option(
        "--layout",
        metavar="classes|splits",
        help="Folders of images or sounds: what the first folders are. Default: by their names.",
    ),
]
Names = Annotated[
    str | None,
    typer.Option(
        "--names",
        metavar="PATTERN",
        help="Sounds: what the names of the files say, such as {class}_{speaker}_{take}. "
        "Default: the folders are the classes.",
    ),
]
Test = Annotated[
    str | None,
    typer.Option(
        "--test",
        metavar="PART=VALUE,...",
        help="Sounds: those for the test by a part of their names, such as take=0,1,2.",
    ),
]
Images = Annotated[
    str | None,
    typer.Option(metavar="FOLDER", help="Masks: the name of the folders of images."),
]
Masks = Annotated[
    str | None,
    typer.Option(metavar="FOLDER", help="Masks: the name of their folders."),
]
SourceLang = Annotated[
    str | None,
    typer.Option(
        "--source-lang",
        metavar="LANG",
        help="Translations: from which language, as the names of the files end: de for train.de.",
    ),
]
TargetLang = Annotated[
    str | None,
    typer.Option("--target-lang", metavar="LANG", help="Translations: to which language."),
]
SkipUnreadable = Annotated[
    bool,
    typer.Option(
        "--skip-unreadable",
        help="Leave out damaged images and sounds, faulty boxes, and texts that are empty.",
    ),
]
Licence = Annotated[str, typer.Option(help="The licence of the data, for the manifest.")]
TestFraction = Annotated[
    float | None,
    typer.Option(help="Part to set aside as test split, if the source has none. Default: 0.2."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing dataset.")]


def import_(
    source: Source,
    out: Out,
    kind: Kind = None,
    target: Target = None,
    target_kind: TargetKind = None,
    classes: Classes = None,
    drop: Drop = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    text: TextColumn = None,
    tokenizer: Tokenizer = None,
    vocabulary: Vocabulary = None,
    header: Header = None,
    size: Size = None,
    colours: Colours = None,
    layout: Layout = None,
    names: Names = None,
    test: Test = None,
    images: Images = None,
    masks: Masks = None,
    source_lang: SourceLang = None,
    target_lang: TargetLang = None,
    skip_unreadable: SkipUnreadable = False,
    licence: Licence = "unknown",
    test_fraction: TestFraction = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Make a dataset from raw files: images or sounds in folders, tables, arrays or text."""
    options = {
        "target": tuple(target or ()),
        "target_kind": _one_of("--target-kind", target_kind, ("class", "number")),
        "classes": _names(classes) if classes else (),
        "drop": tuple(drop or ()),
        **{"delimiter": delimiter, "decimal": decimal, "text": text, "vocabulary": vocabulary},
        "tokenizer": _one_of("--tokenizer", tokenizer, ("words", "characters", "bpe")),
        "header": _one_of("--header", header, ("yes", "no")),
        "size": _parse_size(size),
        "colours": _one_of("--colours", colours, ("grey", "rgb")),
        "layout": _one_of("--layout", layout, ("classes", "splits")),
        **{"names": names, "test": test, "images": images, "masks": masks},
        **{"source_lang": source_lang, "target_lang": target_lang},
        "skip_unreadable": skip_unreadable,
    }
    with _said_when_stopped(), progress_bar("samples") as progress:
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
    show_dataset(out, manifest, as_json=as_json)


@contextmanager
def _said_when_stopped() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say("stopped: no dataset was written; to import, run the command again")
        raise


def _names(text: str) -> tuple[str, ...]:
    """Cut a list at its commas; a name that has one is in double quotes, as in CSV.

    Raises:
        DataError: a quote is not closed.
    """
    try:
        [names] = csv.reader([text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        wrong = f"found {text!r}, which cannot be cut at its commas: {error}"
        raise DataError(f'--classes: {wrong}; quote names as in: "a,b",c') from None
    return tuple(name.strip() for name in names)


def _one_of(option: str, value: str | None, allowed: tuple[str, ...]) -> str | None:
    if value is not None and value not in allowed:
        raise DataError(f"{option}: found {value!r}, expected {' or '.join(allowed)}")
    return value


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise DataError(f"--size: found {text!r}, expected HEIGHTxWIDTH in pixels, such as 64x96")
    return int(height), int(width)
