"""Samples from memory and from a stream: all of them, in the order that Order says."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from distnet.data.fields.class_ import ClassField
from distnet.data.fields.image import ImageField
from distnet.data.fields.number import NumberField
from distnet.data.fields.vector import VectorField
from distnet.data.manifest import Manifest
from distnet.data.samples import Samples
from distnet.data.shard_writer import ShardWriter

N = 50_000
X = VectorField(shape=(N,))
FIELDS = {"x": X, "y": NumberField(shape=(1,))}


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """300 samples of 200 kB (many row groups), each full of its own number."""
    folder = tmp_path_factory.mktemp("numbered")
    with ShardWriter(folder, "train", FIELDS) as writer:
        for low in range(0, 300, 50):
            numbers = np.arange(low, low + 50, dtype=np.float32)[:, None]
            writer.write({"x": np.repeat(numbers, N, axis=1), "y": numbers})
        split = writer.finish()
    return folder, Manifest(name="n", source="-", fields=FIELDS, splits={"train": split})


def read_epoch(samples: Samples, epoch: int, batch: int = 17) -> list[int]:
    numbers: list[int] = []
    for low in range(0, 300, batch):
        taken = samples.take(epoch, low, min(low + batch, 300))
        x, y = taken.tensor("x"), taken.tensor("y")
        assert torch.equal(x[:, 0], x[:, -1])
        assert torch.equal(x[:, :1], y)
        numbers += y[:, 0].int().tolist()
    return numbers


@pytest.mark.parametrize("memory_bytes", [10**9, 40_000_000, 1], ids=["memory", "windows", "least"])
def test_samples_give_every_sample_once_an_epoch(
    numbered: tuple[Path, Manifest], memory_bytes: int
) -> None:
    samples = Samples(*numbered, "train", memory_bytes=memory_bytes, seed=1)

    epochs = [read_epoch(samples, epoch) for epoch in range(3)]

    assert (samples.order.num_windows == 1) == (memory_bytes == 10**9)
    assert all(sorted(epoch) == list(range(300)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    samples.close()


@pytest.mark.parametrize("memory_bytes", [10**9, 40_000_000])
def test_samples_are_the_same_when_begun_in_the_middle(
    numbered: tuple[Path, Manifest], memory_bytes: int
) -> None:
    whole = Samples(*numbered, "train", memory_bytes=memory_bytes, seed=1)
    expected = [read_epoch(whole, epoch) for epoch in range(2)][1]

    resumed = Samples(*numbered, "train", memory_bytes=memory_bytes, seed=1)
    x = resumed.take(1, 140, 200).tensor("x")

    assert x[:, 0].int().tolist() == expected[140:200]
    whole.close()
    resumed.close()


def test_samples_without_a_seed_come_in_the_order_of_the_dataset(
    numbered: tuple[Path, Manifest],
) -> None:
    samples = Samples(*numbered, "train", memory_bytes=40_000_000, seed=None)

    assert read_epoch(samples, 0) == list(range(300))
    samples.close()


GROWTH = """
import sys
from pathlib import Path
import psutil, torch, pyarrow.parquet
from distnet.data.manifest import read_manifest
from distnet.data.samples import Samples
memory = psutil.Process().memory_info
folder = Path(sys.argv[1])
samples = Samples(folder, read_manifest(folder), "train", memory_bytes=512_000_000, seed=0)
torch.zeros(256, 784).float().sum()
before, most = memory().rss, 0
for low in range(0, samples.order.num_samples - 256, 256):
    x = samples.take(0, low, low + 256).tensor("x")
    x.float().sum()
    most = max(most, memory().rss)
print(samples.order.num_windows, samples.order.num_samples, (most - before) // 10**6)
"""


@pytest.mark.check
def test_samples_of_20_times_mnist_grow_memory_by_less_than_300_mb(tmp_path: Path) -> None:
    """A process of its own, so that nothing else is in the figure."""
    x = ImageField(shape=(1, 28, 28), mean=(0.1,), std=(0.3,))
    fields = {"x": x, "y": ClassField(classes=tuple("0123456789"))}
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (60_000, 1, 28, 28), dtype=np.uint8)
    images[:, :, ::2] = 0
    with ShardWriter(tmp_path, "train", fields) as writer:
        for _ in range(20):
            labels = random.integers(0, 10, 60_000).astype(np.int32)
            writer.write({"x": images, "y": labels})
        split = writer.finish()
    manifest = Manifest(name="n", source="-", fields=fields, splits={"train": split})
    (tmp_path / "manifest.json").write_text(manifest.to_json())

    ended = subprocess.run(
        [sys.executable, "-c", GROWTH, str(tmp_path)], capture_output=True, text=True, check=True
    )

    num_windows, num_samples, growth_mb = map(int, ended.stdout.split())
    sys.stdout.write(f"memory grew by {growth_mb} MB\n")  # shown by pytest -s
    assert num_samples == 20 * 60_000
    assert num_windows > 4
    assert growth_mb < 300
