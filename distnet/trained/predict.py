"""Predict with a trained network: images, recordings, tables with one sample per row, or texts."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from distnet.data.csv.file import is_csv
from distnet.data.features.form import TableForm
from distnet.data.features.rows import read_rows
from distnet.data.images.image_file import holds_figures, read_image_file
from distnet.data.sounds.sound_file import read_header
from distnet.data.sources.tables.parquet_table import is_parquet
from distnet.data.sources.texts.table_texts import table_texts
from distnet.errors import DataError
from distnet.trained.in_image import has_positions, predict_in_image
from distnet.trained.load import Trained
from distnet.trained.reading import Reading
from distnet.trained.table_images import holds_images, table_images
from distnet.trained.texts import encode_texts, read_texts

Predictions = list[dict[str, Any]]


def predict(
    trained: Trained,
    files: Iterable[Path],
    *,
    as_is: bool | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Predictions:
    """Predict each sample, in the order of the files.

    Args:
        trained: the network.
        files: images, recordings, tables with the columns that the network learned from, or texts,
            one a line or one a row of a table. Images may be in a column of a Parquet file.
        as_is: read images as an import does, or else find and centre the figure in them; by
            default as `reads_as_is` says.
        delimiter: between the cells of tables: one character, or `tab`; else recognised.
        decimal: the decimal mark in tables, a point or a comma; else recognised.
        progress: called with the number of each file, from 0, before it is read.

    Returns:
        One object a sample: `file`, for a table `row` (from 1), and the task's prediction.

    Raises:
        DataError: a file cannot be read, or is not what the network learned from; or an option
            has nothing to do with the files.
    """
    given, how = list(files), Reading(as_is, delimiter, decimal)
    how.check(trained.inputs, given)
    if as_is is False and has_positions(trained):
        raise DataError(
            f"--centre: the task {trained.job.task.kind} finds positions in an image as it is; "
            "leave it out"
        )
    found: Predictions = []
    for number, file in enumerate(given):
        progress(number)
        found += [{"file": str(file), **one} for one in _predict_file(trained, file, how)]
    return found


def predict_texts(
    trained: Trained, texts: list[str], location: Callable[[int], str] = "text {}".format
) -> list[dict[str, Any]]:
    """Predict each text: one object, with the text as `input`, and the task's prediction.

    Args:
        trained: the network.
        texts: any number.
        location: where text n (from 1) stands, for messages.

    Raises:
        DataError: the network did not learn from texts, or one is empty.
    """
    found = trained.predict(encode_texts(trained.inputs, texts, location)) if texts else []
    return [{"input": text, **one} for text, one in zip(texts, found, strict=True)]


def reads_as_is(trained: Trained) -> bool:
    """Whether images are read as an import does, so that those of the dataset stay the same.

    Datasets of drawn figures that come as arrays are an exception, since no image is like them:
    its figure is found, and drawn in their style. So are tasks that find positions in an image.
    """
    x = trained.inputs
    is_file = trained.data.is_of_images or x.kind != "image"
    return is_file or has_positions(trained) or not holds_figures(x)


def reading_note(trained: Trained, files: Iterable[Path], as_is: bool | None) -> str:
    """What to know about how the files were read, where that was not set; else empty."""
    if trained.inputs.kind == "audio":
        return _note_of_sounds(files)
    is_table = all(is_csv(file) or is_parquet(file) for file in files)
    is_plain = has_positions(trained) or not holds_figures(trained.inputs)
    if as_is is not None or is_table or is_plain:
        return ""
    if reads_as_is(trained):
        return (
            "images are read as at the import; for a photo or a drawing of a figure in another "
            "place, size or colour: --centre"
        )
    return "the figure of each image was found and centred, as in the dataset; else: --as-is"


def _note_of_sounds(files: Iterable[Path]) -> str:
    mixed = [file.name for file in files if read_header(file).channels > 1]
    more = f" and {len(mixed) - 1} more" if len(mixed) > 1 else ""
    return f"the channels of {mixed[0]}{more} were mixed to their mean" if mixed else ""


def _predict_file(trained: Trained, file: Path, how: Reading) -> Predictions:
    if not file.is_file():
        found = "a folder" if file.is_dir() else "no such file"
        raise DataError(f"{file}: found {found}, expected {_expected(trained)}")
    if trained.inputs.kind == "audio":
        return trained.predict(trained.inputs.read_file(file))
    if trained.inputs.kind == "tokens":
        return _numbered(_texts(trained, file, how))
    if trained.inputs.kind == "image" and holds_images(file, _form(trained)):
        images = table_images(file, _form(trained), how)
        return _numbered([_image(trained, path, how, content) for path, content in images])
    if is_csv(file) or is_parquet(file):
        marks = {"delimiter": how.delimiter, "decimal": how.decimal}
        rows = read_rows(file, trained.inputs, **marks, form=_form(trained))
        return _numbered(trained.predict(rows))
    return [_image(trained, file, how)]


def _numbered(rows: Predictions) -> Predictions:
    return [{"row": number, **one} for number, one in enumerate(rows, start=1)]


def _texts(trained: Trained, file: Path, how: Reading) -> Predictions:
    if not (is_csv(file) or is_parquet(file)):
        return predict_texts(trained, read_texts(file), lambda number: f"{file}:{number}")
    texts, location = table_texts(file, _form(trained).column, how.delimiter)
    return predict_texts(trained, texts, location)


def _image(
    trained: Trained, path: Path | str, how: Reading, content: BinaryIO | None = None
) -> dict[str, Any]:
    if has_positions(trained):
        return predict_in_image(trained, path, content)
    as_is = reads_as_is(trained) if how.as_is is None else how.as_is
    picture = read_image_file(path, trained.inputs, as_is=as_is, content=content)
    return trained.predict(picture[None])[0]


def _form(trained: Trained) -> TableForm:
    """What is known of the table that the network learned from."""
    return trained.data.table or TableForm()


def _expected(trained: Trained) -> str:
    """What files the network predicts."""
    known = {"audio": "a recording", "image": "an image", "tokens": "a file of texts, one a line"}
    return known.get(trained.inputs.kind, "a CSV or Parquet file")
