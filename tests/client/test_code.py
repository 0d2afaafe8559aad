"""The archive of a job's own files: the same files, the same bytes; nothing that is not meant."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from distnet.client.code import LARGEST_FILE, pack
from distnet.errors import DistnetError


def fill(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def names(data: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(data)).namelist()


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    files = {"net.py": "a", "parts/layer.py": "b", "classes.txt": "c"}
    first = fill(tmp_path / "one", files)
    second = fill(tmp_path / "two", dict(reversed(files.items())))
    os.utime(second / "net.py", (1e9, 1e9))
    (second / "net.py").chmod(0o600)

    assert pack(first) == pack(second)
    assert names(pack(first).data) == ["classes.txt", "net.py", "parts/layer.py"]
    (second / "net.py").write_text("A")
    assert pack(first).sha256 != pack(second).sha256


def test_what_no_job_needs_is_left_out(tmp_path: Path) -> None:
    folder = fill(
        tmp_path,
        {
            "net.py": "",
            ".git/config": "",
            ".env": "SECRET=1",
            "runs/digits-1/job.yaml": "",
            "__pycache__/net.cpython-311.pyc": "",
            "old.pyc": "",
            "venv/lib/a.py": "",
        },
    )
    os.symlink(folder, folder / "circle")
    os.mkfifo(folder / "pipe")

    assert names(pack(folder).data) == ["net.py"]


def test_large_files_are_left_out_and_named(tmp_path: Path) -> None:
    fill(tmp_path, {"net.py": ""})
    with (tmp_path / "data.bin").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)

    archive = pack(tmp_path)

    assert archive.too_large == ("data.bin (10.0 MB)",)
    assert names(archive.data) == ["net.py"]


def test_too_much_in_all_is_refused_with_the_largest(tmp_path: Path) -> None:
    for number in range(6):
        with (tmp_path / f"part-{number}.bin").open("wb") as file:
            file.truncate(LARGEST_FILE - (number != 4))

    with pytest.raises(DistnetError, match=r"60\.0 MB .* the largest are part-4.bin \(10\.0 MB\)"):
        pack(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    fill(tmp_path, {"net.py": ""})
    (tmp_path / "net.py").chmod(0)

    with pytest.raises(DistnetError, match="net.py"):
        pack(tmp_path)
