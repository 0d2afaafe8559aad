"""The images of a list of files, decoded by all cores, some at a time."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distnet.data.sources.files.unreadable import Unreadable
from distnet.errors import DataError

CHUNK_IMAGES = 64
Pixels = NDArray[np.uint8]


def decode_files(
    files: Sequence[Path], read: Callable[[Path], Pixels], unreadable: Unreadable
) -> Iterator[tuple[list[int], list[Pixels]]]:
    """Yield images, and the index of each among the files, without those that cannot be read.

    Args:
        files: in their order.
        read: reads one, or raises a DataError.
        unreadable: gets those that cannot.
    """

    def read_one(file: Path) -> Pixels | DataError:
        try:
            return read(file)
        except DataError as error:
            return error

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(files), CHUNK_IMAGES):
            part = files[start : start + CHUNK_IMAGES]
            indices, images = [], []
            for index, image in enumerate(pool.map(read_one, part), start):
                if isinstance(image, DataError):
                    unreadable.add(str(files[index]), image)
                else:
                    indices.append(index)
                    images.append(image)
            if images:
                yield indices, images
