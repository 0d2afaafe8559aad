"""The pack view: every token but the first is the target of exactly one sample."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest, read_manifest
from distnet.data.opening import build_order, count_samples, viewed
from distnet.data.samplers.sampler import SplitIndex
from distnet.data.samplers.shuffled.uniform import Uniform
from distnet.data.samples import Samples
from distnet.data.views.texts.pack import IGNORED, Pack
from distnet.errors import DataError
from distnet.spec.sections.job import Job

TEXT = "".join(f"line {number} of a poem\n" for number in range(200))


@pytest.fixture
def poem(tmp_path: Path) -> tuple[Path, Manifest]:
    (tmp_path / "poem.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    import_dataset(tmp_path / "poem.txt.gz", tmp_path / "poem", test_fraction=0.1)
    return tmp_path / "poem", read_manifest(tmp_path / "poem")


@pytest.mark.parametrize("length", [1, 7, 64, 5000])
def test_every_token_but_the_first_is_a_target_once(
    poem: tuple[Path, Manifest], length: int
) -> None:
    folder, manifest = poem
    view = Pack(manifest, length=length)
    count = view.num_samples("train")
    sampler = Uniform(SplitIndex(count, 8, lambda _: np.empty(0)), None)
    samples = Samples(
        folder, manifest, "train", memory_bytes=10**9, seed=None, view=view, sampler=sampler
    )
    batch = samples.take(0, 0, count)
    samples.close()
    inputs, targets = batch.tensor("input"), batch.tensor("target")
    assert inputs.shape == targets.shape == (count, length)
    valid, field = targets != IGNORED, view.fields["input"]
    text = "".join(TEXT.splitlines(keepends=True)[:180])
    assert field.decode(targets[valid].numpy()) == text[1:]
    assert field.decode(inputs[valid].numpy()) == text[:-1]
    assert int(valid.sum()) == manifest.fields["tokens"].num_values["train"] - 1


def test_order_of_a_job_with_a_view_is_shuffled_anew_each_epoch(
    poem: tuple[Path, Manifest],
) -> None:
    folder, manifest = poem
    data = {"source": str(folder), "view": {"kind": "pack", "length": 16}}
    job = Job.model_validate({"name": "poem", "network": {"kind": "mlp"}, "data": data})
    order = build_order(job, folder, manifest, "train", folder=Path(), seed=3)
    first, second = (order.ids(epoch, 0, order.num_samples).tolist() for epoch in (0, 1))
    assert first != second
    assert sorted(first) == sorted(second) == list(range(order.num_samples))
    num_tokens = len("".join(TEXT.splitlines(keepends=True)[180:]))
    assert count_samples(job, manifest, "test", Path()) == -(-(num_tokens - 1) // 16)
    small = job.model_copy(update={"data": job.data.model_copy(update={"memory": 100})})
    with pytest.raises(DataError, match=r"'poem': the split train takes.*raise data\.memory"):
        build_order(small, folder, manifest, "train", folder=Path(), seed=3)


def test_task_sees_the_fields_of_the_view(poem: tuple[Path, Manifest]) -> None:
    seen = viewed(poem[1], Pack(poem[1], length=9))
    shapes = {name: field.shape for name, field in seen.fields.items()}
    assert shapes == {"input": (9,), "target": (9,)}


def test_dataset_without_tokens_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "raw.npz", x=np.ones((3, 2)), y=np.zeros(3))
    manifest = import_dataset(tmp_path / "raw.npz", tmp_path / "out", test_fraction=0)
    with pytest.raises(ValueError, match=r"pack needs a field of tokens.*x \(vector\)"):
        Pack(manifest)
