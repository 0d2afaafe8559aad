import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from distnet.data.importing import import_dataset
from distnet.data.manifest import read_manifest
from distnet.data.shipped import find_dataset
from distnet.data.verify import verify_dataset
from distnet.errors import DataError
from distnet.spec.parts import shipped_datasets
from tests.data.raw_files import idx_bytes, read_split, small_idx

MNIST = find_dataset("mnist", folder=Path())


def test_mnist_is_the_published_one() -> None:
    manifest = read_manifest(MNIST)
    assert manifest.splits["train"].num_samples == 60_000
    assert manifest.splits["test"].num_samples == 10_000
    assert manifest.y.classes == tuple("0123456789")
    x, y = read_split(MNIST, "train")
    assert hashlib.md5(idx_bytes(x[:, 0])).hexdigest() == "6bbc9ace898e44ae57da46a324031adb"
    assert y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]


def test_mnist_is_whole_and_has_its_licence() -> None:
    assert verify_dataset(MNIST) == []
    assert "CC BY-SA 3.0" in (MNIST / "LICENSE").read_text()
    assert "CC BY-SA 3.0" in read_manifest(MNIST).licence


def test_path_begins_at_the_folder_of_the_job(tmp_path: Path) -> None:
    import_dataset(small_idx(tmp_path / "raw"), tmp_path / "jobs" / "leaves")
    assert find_dataset("leaves", folder=tmp_path / "jobs") == tmp_path / "jobs" / "leaves"
    assert find_dataset("../jobs/leaves", folder=tmp_path / "jobs").samefile(
        tmp_path / "jobs" / "leaves"
    )
    absolute = str(tmp_path / "jobs" / "leaves")
    assert find_dataset(absolute, folder=Path("/")) == Path(absolute)


def test_folder_called_mnist_is_meant_with_its_path(tmp_path: Path) -> None:
    import_dataset(small_idx(tmp_path / "raw"), tmp_path / "mnist")
    assert find_dataset("mnist", folder=tmp_path) == MNIST
    assert find_dataset("./mnist", folder=tmp_path).samefile(tmp_path / "mnist")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("mnits", r"ships with distnet \(mnist\), and there is no folder .*did you mean 'mnist'"),
        ("leavs", "did you mean 'leaves'"),
        ("sst2", "there is no folder .*sst2"),  # not in a folder called datasets: another one
        ("raw", r"raw: exists, but is not a dataset .* distnet data import"),
        ("", "exists, but is not a dataset"),
    ],
)
def test_dataset_that_is_missing_is_reported(tmp_path: Path, source: str, message: str) -> None:
    import_dataset(small_idx(tmp_path / "raw"), tmp_path / "leaves")
    with pytest.raises(DataError, match=message):
        find_dataset(source, folder=tmp_path)


def test_reading_imports_neither_torch_nor_pandas() -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from distnet.data.shards import ShardReader\n"
        "from distnet.data.manifest import read_manifest\n"
        "from distnet.data.shipped import find_dataset\n"
        "folder = find_dataset('mnist', folder=Path())\n"
        "ShardReader(folder, read_manifest(folder), 'test').read_all()\n"
        "print({'torch', 'pandas', 'ray'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_shipped_datasets_are_listed() -> None:
    assert shipped_datasets() == ["mnist"]
