"""Small raw files, as users have them."""

import gzip
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distnet.data.manifest import read_manifest
from distnet.data.shards import ShardReader


def idx_bytes(values: NDArray[np.uint8]) -> bytes:
    header = struct.pack(f">{1 + values.ndim}I", 0x0800 + values.ndim, *values.shape)
    return header + values.tobytes()


def write_idx(
    folder: Path, splits: dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]], *, zipped: bool
) -> Path:
    """Write images [n, h, w] and labels [n] under the names that MNIST has."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, (images, labels) in splits.items():
        for part, values in (("images-idx3", images), ("labels-idx1", labels)):
            file = folder / f"{split}-{part}-ubyte"
            if zipped:
                file.with_name(file.name + ".gz").write_bytes(gzip.compress(idx_bytes(values)))
            else:
                file.write_bytes(idx_bytes(values))
    return folder


def small_idx(folder: Path, *, zipped: bool = True) -> Path:
    """Twelve training and five test images of 4 x 6 pixels in three classes."""
    return write_idx(
        folder,
        {"train": digits(12), "t10k": digits(5, seed=1)},
        zipped=zipped,
    )


def digits(num: int, *, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (num, 4, 6), dtype=np.uint8)
    return images, (np.arange(num) % 3).astype(np.uint8)


def picture(
    seed: int, *, height: int = 8, width: int = 10, mode: str = "RGB", kind: str = "PNG"
) -> bytes:
    """An encoded image of random pixels."""
    channels = len(Image.new(mode, (1, 1)).getbands())
    shape = (height, width, channels) if channels > 1 else (height, width)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(content, kind)
    return content.getvalue()


def image_folder(
    folder: Path, names: dict[str, int], *, first_seed: int = 0, **options: Any
) -> Path:
    """Write `names[class]` PNG files into `folder/class`, of random pixels after `first_seed`."""
    seed = first_seed
    for name, num in names.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(num):
            seed += 1
            (folder / name / f"{index}.png").write_bytes(picture(seed, **options))
    return folder


def read_split(dataset: Path, split: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """All samples of a split of a dataset with the fields x and y."""
    columns = ShardReader(dataset, read_manifest(dataset), split).read_all()
    return columns["x"], columns["y"]
