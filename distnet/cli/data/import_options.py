"""The options of `distnet data import`, in panels: those of all kinds of data, then of each."""

from typing import Annotated, Any

import typer

from distnet.errors import DataError

TABLES = "Tables and arrays"
TEXTS = "Texts"
IMAGES = "Images"
SOUNDS = "Sounds and music"


def _option(name: str, metavar: str, help: str, panel: str | None = None) -> Any:
    return typer.Option(name, metavar=metavar, help=help, rich_help_panel=panel)


def _choice(name: str, allowed: str, help: str, panel: str) -> Any:
    """An option with one of the values in `allowed`, such as `grey|rgb`."""

    def parse(value: str) -> str:
        if value not in allowed.split("|"):
            raise DataError(f"{name}: found {value!r}, expected {allowed.replace('|', ' or ')}")
        return value

    return typer.Option(name, metavar=allowed, help=help, rich_help_panel=panel, parser=parse)


Kind = Annotated[
    str | None,
    _option(
        "--kind",
        "KIND",
        "babi, csv, idx, image-folder, image-table, json-music, masks, npz, parallel-text, "
        "parquet, pascal-voc, sound-folder, sprite-sheet, squad, text, text-table or "
        "web-dataset. Default: detected.",
    ),
]
Classes = Annotated[
    str | None,
    _option("--classes", "A,B,...", 'Names of the classes 0, 1, ..., such as ant,"bee, wild".'),
]
TestFraction = Annotated[
    float | None,
    _option(
        "--test-fraction",
        "PART",
        "How much to set aside as the test, if the source has no splits; 1: all. Default: 0.2.",
    ),
]
ValidationFraction = Annotated[
    float,
    _option(
        "--validation-fraction",
        "PART",
        "How much to set aside as the split validation, on which a run is measured while it "
        "trains; the test is then measured once, at the end. Of sources with splits: of train.",
    ),
]
Like = Annotated[
    str | None,
    _option(
        "--like",
        "DATASET",
        "Use the tokens, classes and sizes of this other dataset, so that networks trained on it "
        "can be evaluated on the new one.",
    ),
]
SkipUnreadable = Annotated[
    bool,
    typer.Option(
        "--skip-unreadable",
        help="Leave out damaged images and sounds, faulty boxes, music and sprites, and texts that "
        "are empty.",
    ),
]
Licence = Annotated[str, _option("--licence", "NAME", "The licence of the data, for the manifest.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing dataset.")]

Target = Annotated[
    list[str] | None,
    _option(
        "--target",
        "COLUMN",
        "The column to learn; of sprites the key of the class, of NPZ the array. Repeatable.",
        TABLES,
    ),
]
TargetKind = Annotated[
    str | None,
    _choice(
        "--target-kind",
        "class|number",
        "Learn classes or numbers. Default: by the content.",
        TABLES,
    ),
]
Drop = Annotated[
    list[str] | None, _option("--drop", "COLUMN", "A column to leave out. Repeatable.", TABLES)
]
Category = Annotated[
    list[str] | None,
    _option(
        "--category",
        "COLUMN",
        "A column that holds categories, though it looks like numbers. Repeatable.",
        TABLES,
    ),
]
Missing = Annotated[
    str | None,
    _option(
        "--missing",
        "A,B,...",
        "What stands for a missing value besides an empty cell, NA, nan, ...: unknown,-999.",
        TABLES,
    ),
]
Inputs = Annotated[
    str | None,
    _option("--inputs", "KEY", "NPZ: the array of samples. Default: x, or x_train, ...", TABLES),
]
Delimiter = Annotated[
    str | None,
    _option(
        "--delimiter",
        "CHARACTER",
        "CSV: between the cells, or tab. Default: recognised.",
        TABLES,
    ),
]
Decimal = Annotated[
    str | None,
    _option("--decimal", ".|,", "CSV: the decimal mark of numbers. Default: recognised.", TABLES),
]
Thousands = Annotated[
    str | None,
    _option(
        "--thousands",
        "MARK",
        "CSV: the mark of thousands in numbers, . in 1.234,50. Default: none.",
        TABLES,
    ),
]

Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="CSV: whether the first line names the columns; else they are 1, 2, ... Default: it "
        "does; of texts by the content.",
        rich_help_panel=TABLES,
    ),
]

TextColumn = Annotated[
    str | None,
    _option(
        "--text",
        "COLUMN",
        "In a table: the column of texts; of sprites the key of the name. Default: the column "
        "with most words.",
        TEXTS,
    ),
]
Tokenizer = Annotated[
    str | None,
    _choice(
        "--tokenizer",
        "words|characters|bpe",
        "What a token is; bpe: parts of words. Default: words; of translations bpe.",
        TEXTS,
    ),
]
Vocabulary = Annotated[
    int | None,
    _option("--vocabulary", "N", "Keep the N most frequent tokens. Default: 10000.", TEXTS),
]
SourceLang = Annotated[
    str | None,
    _option(
        "--source-lang",
        "LANG",
        "Translations: from which language, as the names of the files end: de for train.de.",
        TEXTS,
    ),
]
TargetLang = Annotated[
    str | None, _option("--target-lang", "LANG", "Translations: to which language.", TEXTS)
]
Tasks = Annotated[
    str | None,
    _option("--tasks", "N,...", "Stories with questions (bAbI): the tasks to read.", TEXTS),
]

Size = Annotated[
    str | None,
    _option(
        "--size",
        "HxW",
        "Scale and crop all to this size; with boxes or masks without cropping.",
        IMAGES,
    ),
]
Colours = Annotated[
    str | None, _choice("--colours", "grey|rgb", "Their colours. Default: grey if all are.", IMAGES)
]
Layout = Annotated[
    str | None,
    _choice(
        "--layout",
        "classes|splits",
        "What the first folders are; also of sounds. Default: by their names.",
        IMAGES,
    ),
]
Images = Annotated[
    str | None,
    _option(
        "--images",
        "FOLDER",
        "What the folders of images are called, beside masks or a table.",
        IMAGES,
    ),
]
Masks = Annotated[
    str | None, _option("--masks", "FOLDER", "What the folders of masks are called.", IMAGES)
]
IgnoreIndex = Annotated[
    str | None,
    _option("--ignore-index", "N,...", "Masks: values of pixels of no class, as 255.", IMAGES),
]
Sheet = Annotated[
    str | None,
    _option("--sheet", "FILE", "Sprites: the image with them. Default: the only one.", IMAGES),
]
SpriteSize = Annotated[
    int | None,
    _option(
        "--sprite-size",
        "PIXELS",
        "Sprites: of each side. Default: by the cells that the index names.",
        IMAGES,
    ),
]
Gap = Annotated[
    int | None, _option("--gap", "PIXELS", "Sprites: around each of them. Default: 1.", IMAGES)
]

Names = Annotated[
    str | None,
    _option(
        "--names",
        "PATTERN",
        "What the names of the files say, such as {class}_{speaker}_{take}. Default: the folders "
        "are the classes.",
        SOUNDS,
    ),
]
Test = Annotated[
    str | None,
    _option(
        "--test",
        "PART=VALUE,...",
        "Which are the test, by a part of their names, such as take=0,1,2.",
        SOUNDS,
    ),
]
StepsPerBeat = Annotated[
    int | None,
    _option("--steps-per-beat", "N", "Music: steps of a quarter note. Default: 4.", SOUNDS),
]
