"""`distnet data import`."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from distnet.cli.data.progress import progress_bar
from distnet.cli.data.tables import show_dataset
from distnet.cli.options import AsJson, Decimal, Delimiter
from distnet.cli.output import say
from distnet.data.importing import import_dataset
from distnet.data.shipped import find_dataset
from distnet.errors import DataError


def _option(name: str, metavar: str, help: str) -> Any:
    return typer.Option(name, metavar=metavar, help=help)


def _choice(name: str, allowed: str, help: str) -> Any:
    """An option with one of the values in `allowed`, such as `grey|rgb`."""

    def parse(value: str) -> str:
        if value not in allowed.split("|"):
            raise DataError(f"{name}: found {value!r}, expected {allowed.replace('|', ' or ')}")
        return value

    return typer.Option(name, metavar=allowed, help=help, parser=parse)


Source = Annotated[Path, typer.Argument(metavar="SOURCE", help="A file or folder of raw data.")]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="The folder to create.")]
Kind = Annotated[
    str | None,
    typer.Option(
        help="babi, csv, idx, image-folder, json-music, masks, npz, parallel-text, parquet, "
        "pascal-voc, sound-folder, sprite-sheet, squad, text or text-table. Default: detected."
    ),
]
Target = Annotated[
    list[str] | None,
    _option(
        "--target",
        "COLUMN",
        "Tables: the column to learn. Repeat it for several. Sprites: the key of the class.",
    ),
]
TargetKind = Annotated[
    str | None,
    _choice("--target-kind", "class|number", "Learn classes or numbers. Default: by the content."),
]
Classes = Annotated[
    str | None,
    _option("--classes", "A,B,...", 'Names of the classes 0, 1, ..., such as ant,"bee, wild".'),
]
Drop = Annotated[list[str] | None, _option("--drop", "COLUMN", "Tables: a column to leave out.")]
TextColumn = Annotated[
    str | None,
    _option(
        "--text",
        "COLUMN",
        "Tables of texts: the column that holds them. Sprites: the key of the name.",
    ),
]
Tokenizer = Annotated[
    str | None,
    _choice(
        "--tokenizer",
        "words|characters|bpe",
        "Texts: what a token is; bpe: parts of words. Default: words; of translations bpe.",
    ),
]
Vocabulary = Annotated[
    int | None,
    _option("--vocabulary", "N", "Texts: keep the N most frequent tokens. Default: 10000."),
]
Header = Annotated[
    str | None,
    _choice(
        "--header",
        "yes|no",
        "Tables of texts: whether the first line names the columns. Default: detected.",
    ),
]
Size = Annotated[
    str | None,
    _option(
        "--size",
        "HxW",
        "Images: scale and crop all to this size; with boxes or masks without cropping.",
    ),
]
Colours = Annotated[
    str | None, _choice("--colours", "grey|rgb", "Images: their colours. Default: grey if all are.")
]
Layout = Annotated[
    str | None,
    _choice(
        "--layout",
        "classes|splits",
        "Folders of images or sounds: what the first folders are. Default: by their names.",
    ),
]
Names = Annotated[
    str | None,
    _option(
        "--names",
        "PATTERN",
        "Sounds: what the names of the files say, such as {class}_{speaker}_{take}. "
        "Default: the folders are the classes.",
    ),
]
Test = Annotated[
    str | None,
    _option(
        "--test",
        "PART=VALUE,...",
        "Sounds: which are the test, by a part of their names, such as take=0,1,2.",
    ),
]
Images = Annotated[
    str | None, _option("--images", "FOLDER", "Masks: the name of the folders of images.")
]
Masks = Annotated[str | None, _option("--masks", "FOLDER", "Masks: the name of their folders.")]
SourceLang = Annotated[
    str | None,
    _option(
        "--source-lang",
        "LANG",
        "Translations: from which language, as the names of the files end: de for train.de.",
    ),
]
TargetLang = Annotated[
    str | None, _option("--target-lang", "LANG", "Translations: to which language.")
]
Sheet = Annotated[
    str | None,
    _option("--sheet", "FILE", "Sprites: the image that holds them. Default: the only one."),
]
SpriteSize = Annotated[
    int | None,
    _option(
        "--sprite-size",
        "PIXELS",
        "Sprites: of each side. Default: by the cells that the index names.",
    ),
]
Gap = Annotated[int | None, _option("--gap", "PIXELS", "Sprites: around each of them. Default: 1.")]
StepsPerBeat = Annotated[
    int | None, _option("--steps-per-beat", "N", "Music: steps of a quarter note. Default: 4.")
]
Tasks = Annotated[
    str | None, _option("--tasks", "N,...", "Stories with questions (bAbI): the tasks to read.")
]
SkipUnreadable = Annotated[
    bool,
    typer.Option(
        "--skip-unreadable",
        help="Leave out damaged images and sounds, faulty boxes, music and sprites, and texts that "
        "are empty.",
    ),
]
Like = Annotated[
    str | None,
    typer.Option(
        metavar="DATASET",
        help="Use the tokens, classes and sizes of this other dataset, so that networks trained "
        "on it can be evaluated on the new one.",
    ),
]
Licence = Annotated[str, typer.Option(help="The licence of the data, for the manifest.")]
TestFraction = Annotated[
    float | None,
    typer.Option(
        metavar="PART",
        help="Part to set aside as the test, if the source has no splits; 1: all. Default: 0.2.",
    ),
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
    sheet: Sheet = None,
    sprite_size: SpriteSize = None,
    gap: Gap = None,
    steps_per_beat: StepsPerBeat = None,
    tasks: Tasks = None,
    skip_unreadable: SkipUnreadable = False,
    like: Like = None,
    licence: Licence = "unknown",
    test_fraction: TestFraction = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Make a dataset from raw files: images or sounds in folders, tables, arrays, text, music."""
    options = {
        **{"target": tuple(target or ()), "target_kind": target_kind, "drop": tuple(drop or ())},
        **{"classes": _names(classes) if classes else (), "size": _parse_size(size)},
        **{"delimiter": delimiter, "decimal": decimal, "header": header},
        **{"text": text, "tokenizer": tokenizer, "vocabulary": vocabulary},
        **{"colours": colours, "layout": layout, "images": images, "masks": masks},
        **{"source_lang": source_lang, "target_lang": target_lang},
        **{"names": names, "test": test, "sheet": sheet, "sprite_size": sprite_size, "gap": gap},
        **{"steps_per_beat": steps_per_beat, "tasks": _numbers(tasks) if tasks else ()},
        "skip_unreadable": skip_unreadable,
    }
    with _shown() as on_progress:
        manifest = import_dataset(
            source,
            out,
            kind=kind,
            licence=licence,
            test_fraction=test_fraction,
            force=force,
            options=options,
            like=None if like is None else find_dataset(like, folder=Path.cwd()),
            on_progress=on_progress,
        )
    show_dataset(out, manifest, as_json=as_json)


@contextmanager
def _shown() -> Iterator[Callable[[int, int | None], None]]:
    """Show the progress of an import, and say what is left when it is stopped."""
    try:
        with progress_bar("samples") as progress:
            task = progress.add_task("reading", total=None)
            yield lambda done, total: progress.update(
                task, description="writing", completed=done, total=total
            )
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


def _numbers(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(map(str.isdecimal, parts)):
        raise DataError(f"--tasks: found {text!r}, expected numbers, such as 1,6")
    return tuple(map(int, parts))


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise DataError(f"--size: found {text!r}, expected HEIGHTxWIDTH in pixels, such as 64x96")
    return int(height), int(width)
