"""Archives of raw files, also such as an attacker would make."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from distnet.data.download.unpack import unpack, unzip
from distnet.data.download.verify import RefusedError

FILES = {"top/raw/a.txt": b"one", "top/raw/b/c.txt": b"two", "top/README": b"three"}


def tar(path: Path, files: dict[str, bytes], mode: str = "w", **kind: object) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            for key, value in kind.items():
                setattr(entry, key, value)
            archive.addfile(entry, io.BytesIO(data))
    return path


def unpacked(archive: Path, out: Path, *, folder: str = "*/raw", most: int = 100) -> dict[str, str]:
    out.mkdir()
    unpack(archive, out, folder=folder, needs=lambda path: path != "no", most_bytes=most)
    files = (path for path in out.rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): path.read_text() for path in files}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_only_the_files_of_the_folder_are_unpacked(tmp_path: Path, mode: str) -> None:
    archive = tar(tmp_path / "a.tar", FILES, mode)
    assert unpacked(archive, tmp_path / "out") == {"a.txt": "one", "b/c.txt": "two"}


def test_they_may_lie_at_the_top(tmp_path: Path) -> None:
    archive = tar(tmp_path / "a.tar", {"./a.txt": b"one", "./no": b"two"})
    assert unpacked(archive, tmp_path / "out") == {"a.txt": "one"}


@pytest.mark.parametrize("name", ["top/raw/../../../evil", "top/raw/..", "top/raw/a\\b"])
def test_paths_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    archive = tar(tmp_path / "a.tar", {name: b"one"})
    with pytest.raises(RefusedError, match="expected only files with relative paths"):
        unpacked(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar", "out"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    archive = tar(tmp_path / "a.tar", {"top/raw/a": b""}, type=kind, linkname="/etc/passwd")
    with pytest.raises(RefusedError, match="found 'top/raw/a', expected only files"):
        unpacked(archive, tmp_path / "out")


def test_more_bytes_than_expected_are_refused(tmp_path: Path) -> None:
    archive = tar(tmp_path / "a.tar", {"top/raw/a": b"0" * 60, "top/raw/b": b"0" * 60})
    with pytest.raises(RefusedError, match="b: found more bytes than expected"):
        unpacked(archive, tmp_path / "out")


def test_an_entry_that_is_skipped_is_counted(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("top/bomb")
    entry.size = 2**40
    (tmp_path / "a.tar").write_bytes(entry.tobuf())
    with pytest.raises(RefusedError, match="found 1 entries with 1.1 TB or more, expected at most"):
        unpacked(tmp_path / "a.tar", tmp_path / "out")


@pytest.mark.parametrize("num_bytes", [0, 40, 300])
@pytest.mark.parametrize("mode", ["w:gz", "w:xz"])
def test_damaged_archives_are_named(tmp_path: Path, mode: str, num_bytes: int) -> None:
    files = {f"top/raw/{i}": bytes(range(i, i + 40)) for i in range(20)}
    archive = tar(tmp_path / "a.tar", files, mode)
    archive.write_bytes(archive.read_bytes()[:num_bytes])
    with pytest.raises(RefusedError, match="a.tar: is not a complete tar archive"):
        unpacked(archive, tmp_path / "out", most=10_000)


def test_a_web_page_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_text("<html>404</html>")
    with pytest.raises(RefusedError, match="is not a complete tar archive"):
        unpacked(tmp_path / "a.tar.gz", tmp_path / "out")


def test_a_single_file_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"one" * 100))
    unzip(tmp_path / "a.gz", tmp_path / "a", most_bytes=300)
    assert (tmp_path / "a").read_bytes() == b"one" * 100
    with pytest.raises(RefusedError, match="more bytes than expected"):
        unzip(tmp_path / "a.gz", tmp_path / "b", most_bytes=299)
    (tmp_path / "a.gz").write_bytes(b"no gzip")
    with pytest.raises(RefusedError, match="a.gz: is not a complete file of gzip"):
        unzip(tmp_path / "a.gz", tmp_path / "c", most_bytes=300)
