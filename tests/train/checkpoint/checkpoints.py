"""Small checkpoints, and the ways in which they are damaged."""

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from distnet.train.checkpoint.checkpoint import State

FILES = ("weights.safetensors", "optimizer.safetensors", "state.json", "manifest.json")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")


def state(step: int, numbers: int = 12) -> State:
    weights = {
        "layer.weight": torch.full((numbers,), float(step)),
        "layer.count": torch.tensor(step),
    }
    return State(step, weights, {"mean": torch.arange(5.0) + step}, {"job_sha256": "x"})


def is_same(found: State, expected: State) -> bool:
    """Whether two states are alike to the last bit."""
    pairs = [(found.weights, expected.weights), (found.optimizer, expected.optimizer)]
    return (found.step, found.facts) == (expected.step, expected.facts) and all(
        a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a) for a, b in pairs
    )


def flip_bit(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def truncate(path: Path, chance: random.Random) -> None:
    os.truncate(path, chance.randrange(path.stat().st_size))


def empty(path: Path, _: random.Random) -> None:
    path.write_bytes(b"")


def delete(path: Path, _: random.Random) -> None:
    path.unlink()


def lengthen(path: Path, chance: random.Random) -> None:
    with path.open("ab") as file:
        file.write(chance.randbytes(chance.randrange(1, 9)))


DAMAGES: tuple[Callable[[Path, random.Random], None], ...] = (
    flip_bit,
    truncate,
    empty,
    delete,
    lengthen,
)


def swap(one: Path, other: Path) -> None:
    """Let two files, or two folders, change their names."""
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


@contextmanager
def small_disk(path: Path, num_bytes: int) -> Iterator[Path]:
    """Mount a disk of this many bytes; only root may."""
    path.mkdir(exist_ok=True)
    size = f"size={num_bytes}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def fill(path: Path, *, leave: int) -> Path:
    """Fill the disk of a folder except for `leave` bytes; returns the file that takes the space."""
    filler = path / "filler"
    free = shutil.disk_usage(path).free
    filler.write_bytes(b"\0" * max(free - leave, 0))
    return filler
