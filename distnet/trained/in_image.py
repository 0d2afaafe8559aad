"""Predictions that have positions in an image, such as boxes, in the pixels of the image itself.

The network sees every image at one size. An import scales images with boxes as a whole, each side
apart, and so does a prediction; the task's `to_image` then scales what was found back.
"""

from pathlib import Path
from typing import Any, BinaryIO

from distnet.data.images.decode import read_header, read_image
from distnet.errors import DataError
from distnet.trained.load import Trained


def has_positions(trained: Trained) -> bool:
    """Whether the predictions of the run's task have positions in an image."""
    return hasattr(trained.task, "to_image")


def predict_in_image(
    trained: Trained, path: Path | str, content: BinaryIO | None = None
) -> dict[str, Any]:
    """Predict one image of any size.

    Args:
        trained: the network.
        path: the file.
        content: the image itself, where it is in no file of its own; `path` is then its location.

    Raises:
        DataError: it cannot be read, or the network learned from something else.
    """
    shape, location = trained.inputs.shape, str(path)
    file = Path(path) if content is None else content
    if len(shape) != 3:
        raise DataError(
            f"{path}: found an image, but the network learned from {trained.inputs.kind}s of shape "
            f"{list(shape)}"
        )
    header = read_header(file, location=location)
    pixels = read_image(file, location=location, shape=shape, resize=True, is_whole=True)
    [found] = trained.predict(pixels[None])
    task: Any = trained.task
    found_there: dict[str, Any] = task.to_image(found, (header.height, header.width))
    return found_there
