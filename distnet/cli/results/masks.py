"""Predicted masks as PNG files, in the colours of the report."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from distnet.errors import RunError
from distnet.report.colours import class_colours


def write_masks(predictions: Sequence[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """Write the mask of each prediction that has one, and put the path of the file in its place.

    A file is a palette PNG, named after the image: its values are the indices of the classes.

    Raises:
        RunError: the folder cannot be written.
    """
    with_masks = [one for one in predictions if isinstance(one.get("mask"), np.ndarray)]
    names = _distinct(Path(one["file"]).stem for one in with_masks)
    paths = {id(one): folder / name for one, name in zip(with_masks, names, strict=True)}
    try:
        if paths:
            folder.mkdir(parents=True, exist_ok=True)
        for one in with_masks:
            image = Image.fromarray(one["mask"])
            image.putpalette(class_colours(256).tobytes())
            image.save(paths[id(one)])
    except OSError as error:
        raise RunError(
            f"{folder}: cannot be written: {error.strerror}; choose another folder with --output"
        ) from None
    return [one | {"mask": str(paths[id(one)])} if id(one) in paths else one for one in predictions]


def _distinct(stems: Iterable[str]) -> list[str]:
    """Names of files; images of one name in several folders are numbered."""
    names: list[str] = []
    for stem in stems:
        same = sum(name == f"{stem}-mask.png" or name.startswith(f"{stem}-mask-") for name in names)
        names.append(f"{stem}-mask-{same + 1}.png" if same else f"{stem}-mask.png")
    return names
