"""A dataset is plain Parquet: other tools read it without distnet."""

from pathlib import Path

import numpy as np
import pytest

from tests.data.fields.test_fields import COLUMNS, NUM, write_all


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_all(tmp_path / "all")
    return tmp_path / "all" / "train-00000.parquet"


def test_pandas_reads_a_dataset(file: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(file)
    assert list(frame.columns) == list(COLUMNS)
    assert frame["breed"].tolist() == COLUMNS["breed"].tolist()
    assert frame["age"].tolist() == COLUMNS["age"][:, 0].tolist()
    photos = np.stack(frame["photo"]).reshape(NUM, 3, 4, 5)
    np.testing.assert_array_equal(photos, COLUMNS["photo"])
    assert frame["text"][3].tolist() == COLUMNS["text"][3].tolist()


@pytest.mark.check
def test_duckdb_reads_a_dataset(file: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    query = f"select count(*), avg(age), sum(len(text)), sum(len(objects.boxes)) from '{file}'"
    count, age, tokens, boxes = duckdb.sql(query).fetchall()[0]
    assert count == NUM
    assert age == pytest.approx(COLUMNS["age"].mean(), rel=1e-6)
    assert tokens == boxes == COLUMNS["text"].lengths.sum()


@pytest.mark.check
def test_hugging_face_datasets_read_a_dataset(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_parquet(str(file), cache_dir=str(tmp_path / "cache"))
    assert table.num_rows == NUM
    row = table[2]
    assert row["pose"] == COLUMNS["pose"][2].reshape(-1).tolist()
    assert row["photo"] == COLUMNS["photo"][2].reshape(-1).tolist()
    assert row["text"] == COLUMNS["text"][2].tolist()
    assert row["objects"]["labels"] == COLUMNS["objects"][2][:, 4].astype(int).tolist()
