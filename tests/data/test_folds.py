"""k folds: each training sample is left out once, as the seed says."""

from pathlib import Path

import numpy as np
import pytest

from distnet.data.folds import rows_of
from distnet.data.manifest import read_manifest
from distnet.data.opening import build_order
from distnet.errors import JobFileError
from distnet.spec.read import read_job_text
from distnet.spec.sections.job import Job
from tests.datasets import write_dataset

TEXT = "name: a\nnetwork: {kind: mlp}\n"


def job(*overrides: str) -> Job:
    return read_job_text(TEXT, overrides=overrides).job


def left_out(fold: int, *overrides: str, of: int = 4, rows: int = 103) -> set[int]:
    found = rows_of(job(f"data.fold={fold}/{of}", *overrides), "fold", rows)
    assert found is not None
    return set(found.tolist())


def test_every_sample_is_left_out_exactly_once() -> None:
    folds = [left_out(fold) for fold in (1, 2, 3, 4)]

    assert set.union(*folds) == set(range(103))
    assert sorted(map(len, folds)) == [25, 26, 26, 26]


def test_what_is_left_out_is_not_trained_on() -> None:
    train = rows_of(job("data.fold=2/4"), "train", 103)

    assert train is not None
    assert set(train.tolist()) == set(range(103)) - left_out(2)


def test_the_seed_alone_decides() -> None:
    other = ("train.epochs=3", "optimizer.learning_rate=0.5", "train.batch_size=8")

    assert left_out(1) == left_out(1, *other)
    assert left_out(1) != left_out(1, "train.seed=1")


def test_other_splits_are_whole() -> None:
    assert rows_of(job("data.fold=2/4"), "test", 50) is None
    assert rows_of(job(), "train", 50) is None


@pytest.mark.parametrize(
    "sampler", [[], ["data.sampler={kind: identities, identities: 2, samples: 2}"]]
)
def test_an_epoch_has_the_samples_that_remain(tmp_path: Path, sampler: list[str]) -> None:
    dataset = write_dataset(tmp_path / "data", train=80, test=4)
    folded = job("data.fold=1/4", "train.batch_size=8", *sampler)
    order = build_order(
        folded, dataset, read_manifest(dataset), "train", folder=tmp_path, seed=folded.train.seed
    )
    epochs = [order.ids(epoch, 0, order.num_samples) for epoch in (0, 1)]

    assert not np.array_equal(*epochs)
    assert all(left_out(1, rows=80).isdisjoint(ids.tolist()) for ids in epochs)
    assert sampler or all(len(set(ids.tolist())) == 60 for ids in epochs)


@pytest.mark.parametrize("fold", ["0/5", "6/5", "1/1", "2-5", "half"])
def test_impossible_folds_are_refused(fold: str) -> None:
    with pytest.raises(JobFileError, match="data.fold.*expected the number of a fold"):
        job(f"data.fold={fold}")


def test_folds_of_what_has_no_rows_are_refused() -> None:
    with pytest.raises(JobFileError, match="found 1/5 beside data.view and evaluate.split"):
        job("data.fold=1/5", "data.view={kind: pack}", "evaluate.split=val")
