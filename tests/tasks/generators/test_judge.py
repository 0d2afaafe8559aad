"""The judge of digits is the classifier that it is said to be."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from distnet.data.fields.image import ImageField
from distnet.data.manifest import read_manifest
from distnet.data.samples import Samples
from distnet.data.shipped import find_dataset
from distnet.errors import DataError
from distnet.run_folder.figures import Table
from distnet.tasks.generators.quality import judge as module
from distnet.tasks.generators.quality.judge import DigitJudge, PixelJudge, make_judge
from distnet.tasks.generators.quality.quality import Quality

MNIST = find_dataset("mnist", folder=Path())


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small operations are slower on several threads, the more so on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def digits(split: str, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    samples = Samples(MNIST, read_manifest(MNIST), split, memory_bytes=10**9, seed=None)
    batch = samples.take(0, 0, count)
    samples.close()
    return batch.tensor("x"), batch.tensor("y")


def test_it_recognises_the_test_digits():
    images, classes = digits("test", 10_000)
    judge = DigitJudge()

    found = torch.cat([judge(part)[1].argmax(1) for part in images.split(1000)])

    assert (found == classes).float().mean() == pytest.approx(0.9923, abs=0.0003)
    assert judge(images[:3])[0].shape == (3, 64)


def test_training_digits_are_nearer_to_test_digits_than_noise_or_means():
    quality = Quality("mnist", read_manifest(MNIST))
    real, classes = digits("test", 1000)
    others, others_classes = digits("train", 1000)
    of_class = torch.stack([others[others_classes == k].float().mean(0) for k in range(10)])
    noise = torch.randint(0, 256, real.shape, generator=torch.Generator().manual_seed(0))

    def distance(made: torch.Tensor) -> float:
        metrics, _ = quality.summarise(quality.sums(real, made.byte()))
        return metrics["frechet_distance"]

    assert distance(real) == pytest.approx(0, abs=1e-6)
    assert distance(others) < 5
    assert 100 < distance(of_class[classes.long()]) < distance(noise)


def test_a_class_that_is_never_made_has_a_share_of_0():
    quality = Quality("mnist", read_manifest(MNIST))
    real, classes = digits("test", 200)
    made = real.clone()
    made[classes == 3] = real[classes == 8][0]

    metrics, (figure,) = quality.summarise(quality.sums(real, made))

    assert metrics["smallest_share"] == 0
    assert metrics["confidence"] > 0.9
    assert isinstance(figure, Table)
    assert figure.rows[3][:2] == ("3", 0)
    assert sum(row[2] for row in figure.rows) == pytest.approx(1)


def test_other_weights_than_the_shipped_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    damaged = bytearray(module.WEIGHTS.read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "mnist.safetensors").write_bytes(damaged)
    monkeypatch.setattr(module, "WEIGHTS", tmp_path / "mnist.safetensors")

    with pytest.raises(DataError, match="install distnet again"):
        DigitJudge()


def test_images_of_another_shape_have_no_judge_but_pixels():
    field = ImageField(shape=(3, 32, 32), mean=(0.5,) * 3, std=(0.2,) * 3)

    with pytest.raises(ValueError, match=r"mnist .*\(1, 28, 28\).*\(3, 32, 32\).*judge: none"):
        make_judge("mnist", field)
    features, classes = PixelJudge()(torch.full((2, 3, 32, 32), 255, dtype=torch.uint8))
    assert features.shape == (2, 3 * 64)
    assert (features == 1).all()
    assert classes.shape == (2, 0)
