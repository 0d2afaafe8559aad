"""Keys that change which samples train and how they look: the same bits on any workers."""

from pathlib import Path

import pytest
import torch

from distnet.cli.main import main
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.field import Field
from distnet.data.fields.image import ImageField
from distnet.data.fields.mask import MaskField
from distnet.data.fields.tokens import TokensField
from distnet.data.fields.vector import VectorField
from distnet.data.manifest import Manifest, Split
from distnet.errors import JobFileError
from distnet.launch.planning.misfits import refuse_rand_augment, refuse_unmixable
from distnet.spec.read import JobFile, read_job
from distnet.tasks.per_sample import PerSample
from distnet.tasks.targets.classify import Classify
from distnet.train.checkpoint.checkpoint import read_checkpoint
from tests.datasets import stripes
from tests.train.small_runs import Planned, planned, resume, run_all, run_alone

__all__ = ["stripes"]

JOB = """name: keys
network: {kind: cnn, channels: [4], hidden: 8, batch_norm: true}
optimizer: {kind: adam, learning_rate: 0.01}
train: {steps: 12, batch_size: 96, slices: 6, seed: 3}
checkpoint: {every_steps: 5, keep: 10}
"""
KEYS = {
    "mixup": ("data.mix={mixup: 0.4}", "task={kind: classify, label_smoothing: 0.1}"),
    "both": ("data.mix={mixup: 1, cutmix: 1, probability: 0.8}", "train.accumulate=2"),
    "augmented": ("data.augment=[{kind: rand-augment, num_ops: 1, magnitude: 5}]",),
    "balanced": ("data.sampler={kind: balanced, power: 0.5}",),
    "weighed": ("task={kind: classify, class_weights: {b: 3, d: 0.5}}",),
}
DIGITS = Path(__file__).parents[2] / "jobs" / "digits.yaml"


def read(stripes: Path, folder: Path, *overrides: str) -> Planned:
    path = folder / "job.yaml"
    path.write_text(JOB)
    return planned(path, f"data.source={stripes}", *overrides)


@pytest.mark.check
def test_bits_do_not_depend_on_workers_or_a_resume(stripes: Path, tmp_path: Path) -> None:
    jobs = {name: read(stripes, tmp_path, *keys) for name, keys in KEYS.items()}
    plain = run_alone(read(stripes, tmp_path), tmp_path / "plain")

    one, two, three = (run_all(size, jobs, tmp_path) for size in (1, 2, 3))

    for name, job in jobs.items():
        again = resume(job, three[name], 5, tmp_path / f"{name}-resumed")
        assert one[name].bits == two[name].bits == three[name].bits == again.bits
        assert one[name].losses() == two[name].losses() == three[name].losses()
        assert one[name].bits != plain.bits


@pytest.mark.check
def test_pieces_of_a_slice_mix_the_same_samples(stripes: Path, tmp_path: Path) -> None:
    """All of a slice is mixed before it is cut into pieces: only last bits differ."""
    keys = ("data.mix={mixup: 1, cutmix: 1}", "network.batch_norm=false", "train.steps=2")
    whole, pieces = (
        run_alone(
            read(stripes, tmp_path, *keys, f"train.accumulate={count}"), tmp_path / str(count)
        )
        for count in (1, 4)
    )

    one, other = (
        read_checkpoint(r.folder / "checkpoints", "step-00000002") for r in (whole, pieces)
    )
    assert all(
        torch.allclose(one.weights[name], other.weights[name], atol=1e-5) for name in one.weights
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["data.mix={}"], "data.mix.mixup: found neither it nor cutmix, expected one of them"),
        (["data.mix={mixup: 0}"], "mixup: found 0, expected a number above 0"),
        (
            ["data.mix={mixup: 1}", "train.batch_size=4", "train.slices=4"],
            "found 4, expected at least 8, two samples to mix for each of the slices",
        ),
        (["data.augment=[{kind: rand-augment, magnitude: 31}]"], "magnitude: found 31, expected"),
        (["data.sampler={kind: balanced, field: x}"], "the field 'x' holds no classes"),
        (["data.sampler={kind: balanced, power: 1}"], "power: found 1, expected a number below 1"),
        (["task.class_weights={eight: 2}"], "class_weights: found unknown class `eight`"),
        (['task.class_weights={"8": -2}'], "class_weights.8: found -2, expected a number above 0"),
    ],
)
def test_check_names_what_is_wrong(
    keys: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [word for key in keys for word in ("--set", key)]

    assert main(["check", str(DIGITS), *words]) == 2

    assert message in capfd.readouterr().err


@pytest.mark.parametrize(
    ("name", "key", "message"),
    [
        ("digits-gan", "data.mix={mixup: 1}", "found it beside task gan, expected a task with"),
        ("cartpole-dqn", "data.mix={mixup: 1}", "found it beside task deep-q, expected a task"),
    ],
)
def test_tasks_that_cannot_be_mixed_refuse_it(
    name: str, key: str, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    job = DIGITS.with_name(f"{name}.yaml")

    assert main(["check", str(job), "--set", key]) == 2

    assert message in capfd.readouterr().err


IMAGE = ImageField(shape=(3, 8, 8))


def read_with(key: str) -> JobFile:
    return read_job(DIGITS, overrides=[key])


def manifest(**fields: Field) -> Manifest:
    splits = {"train": Split(num_samples=0, shards=())}
    return Manifest(name="made", source="in the test", fields=fields, splits=splits)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"x": IMAGE, "mask": MaskField(shape=(8, 8), classes=("a", "b"))},
            "with which mask does not move; use",
        ),
        ({"x": ImageField(shape=(4, 8, 8))}, "found images of 4 channels, expected 1 or 3"),
    ],
)
def test_rand_augment_is_refused_where_it_does_not_fit(
    fields: dict[str, Field], message: str
) -> None:
    file = read_with("data.augment=[{kind: rand-augment}]")

    with pytest.raises(JobFileError, match=message):
        refuse_rand_augment(file, manifest(**fields))
    refuse_rand_augment(file, manifest(x=IMAGE))


@pytest.mark.parametrize(
    ("key", "x", "message"),
    [
        ("{mixup: 1}", TokensField(vocabulary=("a",)), "found inputs of kind tokens, expected"),
        ("{mixup: 1}", ImageField(shape=(3,)), "found images of any size, expected vectors or"),
        ("{cutmix: 1}", VectorField(shape=(8,)), "data.mix.cutmix: found inputs of kind vector"),
    ],
)
def test_inputs_that_cannot_be_mixed_refuse_it(key: str, x: Field, message: str) -> None:
    file, y = read_with(f"data.mix={key}"), ClassField(classes=("a", "b"))
    data = manifest(x=x, y=y)

    with pytest.raises(JobFileError, match=message):
        refuse_unmixable(file, data, PerSample(Classify(data), data))
