"""Predict with a trained network: images, recordings, tables with one sample per row, or texts."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distnet.data.csv.file import is_csv
from distnet.data.images.image_file import holds_figures, read_image_file
from distnet.data.rows import read_rows
from distnet.data.sounds.sound_file import read_header
from distnet.data.sources.tables.parquet_table import is_parquet
from distnet.errors import DataError
from distnet.trained.in_image import has_positions, predict_in_image
from distnet.trained.load import Trained
from distnet.trained.texts import encode_texts, read_texts

Array = NDArray[np.generic]


def predict(
    trained: Trained,
    files: Iterable[Path],
    *,
    as_is: bool | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
) -> list[dict[str, Any]]:
    """Predict each sample, in the order of the files.

    Args:
        trained: the network.
        files: images, recordings, tables with the columns that the network learned from, or texts,
            one a line.
        as_is: read images as an import does, or else find and centre the figure in them; by
            default as `reads_as_is` says.
        delimiter: between the cells of tables: one character, or `tab`; else recognised.
        decimal: the decimal mark in tables, a point or a comma; else recognised.

    Returns:
        One object a sample: `file`, for a table `row` (from 1), and the task's prediction.

    Raises:
        DataError: a file cannot be read, or is not what the network learned from.
    """
    read_as_is = reads_as_is(trained) if as_is is None else as_is
    read_table = partial(read_rows, data=trained.inputs, delimiter=delimiter, decimal=decimal)
    return [one for file in files for one in _predict_file(trained, file, read_as_is, read_table)]


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
    is_table = all(map(is_csv, files))
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


def _predict_file(
    trained: Trained, file: Path, as_is: bool, read_table: Callable[[Path], Array]
) -> list[dict[str, Any]]:
    if not file.is_file():
        found = "a folder" if file.is_dir() else "no such file"
        raise DataError(f"{file}: found {found}, expected {_expected(trained)}")
    if trained.inputs.kind == "audio":
        recording = trained.inputs.read_file(file)
        return [{"file": str(file), **one} for one in trained.predict(recording)]
    if trained.inputs.kind == "tokens":
        if is_csv(file) or is_parquet(file):
            raise DataError(f"{file}: found a table, expected {_expected(trained)}")
        rows = predict_texts(trained, read_texts(file), lambda number: f"{file}:{number}")
        return [{"file": str(file), "row": row, **one} for row, one in enumerate(rows, start=1)]
    if is_csv(file) or is_parquet(file):
        rows = trained.predict(read_table(file))
        return [{"file": str(file), "row": row, **one} for row, one in enumerate(rows, start=1)]
    if has_positions(trained):
        return [{"file": str(file), **predict_in_image(trained, file)}]
    picture = read_image_file(file, trained.inputs, as_is=as_is)
    return [{"file": str(file), **one} for one in trained.predict(picture[None])]


def _expected(trained: Trained) -> str:
    """What files the network predicts."""
    known = {"audio": "a recording", "image": "an image", "tokens": "a file of texts, one a line"}
    return known.get(trained.inputs.kind, "a CSV or Parquet file")
