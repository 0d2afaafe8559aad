"""What an import sets aside: for a test, for validation, of sources with and without splits."""

from pathlib import Path

import numpy as np
import pytest

from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.data.shards import ShardReader
from distnet.errors import DataError


def table(path: Path, rows: range) -> Path:
    lines = [f"{n},{n / 7:.4f},{'ab'[n % 2]}" for n in rows]
    path.write_text("\n".join(["size,weight,label", *lines]))
    return path


def sizes(folder: Path, manifest: Manifest) -> dict[str, set[int]]:
    """The column `size` of each split, which names its rows."""
    read = {n: ShardReader(folder, manifest, n, ["x"]).read_all()["x"] for n in manifest.splits}
    return {name: set(np.asarray(x)[:, 0].astype(int).tolist()) for name, x in read.items()}


def test_three_splits_share_all_samples_and_the_test_is_that_of_two_splits(tmp_path: Path) -> None:
    raw = table(tmp_path / "raw.csv", range(1000))
    two = import_dataset(raw, tmp_path / "two")
    three = import_dataset(raw, tmp_path / "three", validation_fraction=0.1)

    before, after = sizes(tmp_path / "two", two), sizes(tmp_path / "three", three)
    assert list(after) == ["train", "validation", "test"]
    assert after["test"] == before["test"]
    assert after["train"] | after["validation"] == before["train"]
    assert sum(map(len, after.values())) == 1000
    assert 70 <= len(after["validation"]) <= 130
    guessed = {f"{row.what}: {row.value}" for row in three.import_summary.guessed}
    assert {"test split: 20%", "validation split: 10%"} <= guessed


def test_a_sample_stays_on_its_side_when_others_are_added(tmp_path: Path) -> None:
    for name, rows in (("few", range(300)), ("many", range(600))):
        raw = table(tmp_path / f"{name}.csv", rows)
        import_dataset(raw, tmp_path / name, validation_fraction=0.2)
    few, many = (
        sizes(tmp_path / name, Manifest.model_validate_json(text))
        for name in ("few", "many")
        for text in [(tmp_path / name / "manifest.json").read_text()]
    )

    assert all(few[split] <= many[split] for split in ("train", "validation", "test"))


def test_of_a_source_with_splits_validation_is_a_part_of_train(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    table(tmp_path / "raw" / "train.csv", range(500))
    table(tmp_path / "raw" / "test.csv", range(500, 600))
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out", validation_fraction=0.2)

    found = sizes(tmp_path / "out", manifest)
    assert found["test"] == set(range(500, 600))
    assert found["train"] | found["validation"] == set(range(500))
    assert 70 <= len(found["validation"]) <= 130


def test_a_source_with_a_split_for_validation_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    for split, rows in (("train", range(50)), ("dev", range(50, 60))):
        table(tmp_path / "raw" / f"{split}.csv", rows)
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out", validation_fraction=0.2)

    assert {n: s.num_samples for n, s in manifest.splits.items()} == {"train": 50, "dev": 10}
    assert "--validation-fraction has no effect" in [
        row.what for row in manifest.import_summary.warnings
    ]


def test_of_a_text_the_parts_follow_one_another(tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text("".join(f"line number {n}\n" for n in range(100)))
    manifest = import_dataset(tmp_path / "poem.txt", tmp_path / "out", validation_fraction=0.1)

    counts = {name: split.num_samples for name, split in manifest.splits.items()}
    assert counts["train"] > counts["test"] > counts["validation"] > 0
    (text,) = manifest.fields.values()
    assert list(text.num_values) == ["train", "validation", "test"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("test", "validation", "wrong"),
    [
        (None, 0.8, "--validation-fraction is 0.8 and --test-fraction 0.2, expected less than 1"),
        (0.5, 0.5, "nothing would be left to train on"),
        (0.2, -0.1, "--validation-fraction is -0.1, expected a number from 0 to 1"),
    ],
)
def test_parts_that_leave_nothing_to_train_on_are_refused(
    test: float | None, validation: float, wrong: str, tmp_path: Path
) -> None:
    raw = table(tmp_path / "raw.csv", range(20))

    with pytest.raises(DataError, match=wrong):
        import_dataset(raw, tmp_path / "out", test_fraction=test, validation_fraction=validation)


def test_too_few_samples_for_validation_are_said(tmp_path: Path) -> None:
    raw = table(tmp_path / "raw.csv", range(6))

    with pytest.raises(DataError, match="too few samples for a validation split.*--validation-"):
        import_dataset(raw, tmp_path / "out", test_fraction=0, validation_fraction=0.01)
