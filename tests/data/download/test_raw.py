"""The raw files of a data set: whole and verified, or not at all."""

import hashlib
import io
import shutil
import tarfile
from pathlib import Path

import pytest

from distnet.data.catalogue.entry import Archive, Content, Entry, Mirror
from distnet.data.download import raw as raw_files
from distnet.data.download.http import DownloadError
from distnet.data.download.raw import bring
from distnet.data.download.verify import RefusedError, content_sha256
from distnet.errors import DataError
from tests.data.download.file_server import FileServer, Served

FILES = {"a.tsv": b"good\t1\n" * 5000, "b/c.tsv": b"bad\t0\n" * 300}
NUM_BYTES = sum(map(len, FILES.values()))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


SUMS = {path: sha256(data) for path, data in FILES.items()}


def entry_at(address: str, archive: Archive | None = None, num_bytes: int = NUM_BYTES) -> Entry:
    return Entry(
        name="reviews",
        title="reviews",
        publisher="us",
        licence="CC0",
        page="https://a.example",
        verified="made here",
        jobs=(),
        address=address,
        num_bytes=num_bytes,
        files={} if archive else SUMS,
        archive=archive,
        mirror=Mirror(file="reviews.tar.gz", folder="raw"),
    )


def tar(folder: str, files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, data in files.items():
            entry = tarfile.TarInfo(f"{folder}/{path}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def archive(sha256: str | None = None, only: tuple[str, ...] = ("*.tsv",)) -> Archive:
    content = Content(num_files=2, num_bytes=NUM_BYTES, sha256=content_sha256(SUMS))
    return Archive(folder="*/raw", only=only, sha256=sha256, content=content)


@pytest.fixture
def publisher(server: FileServer) -> FileServer:
    server.files |= {f"raw/{path}": Served(data) for path, data in FILES.items()}
    return server


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tmp_path / "datasets" / "raw" / "reviews"


def require_whole(raw: Path, *others: str) -> None:
    assert {path: (raw / path).read_bytes() for path in FILES} == FILES
    assert sorted(path.name for path in raw.parent.iterdir()) == sorted([raw.name, *others])


def test_files_come_with_their_progress(publisher: FileServer, raw: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    entry = entry_at(publisher.url("raw/"))

    bring(entry, raw, on_progress=lambda done, total: seen.append((done, total)))

    require_whole(raw)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {total for _, total in seen} == {NUM_BYTES}
    assert seen[-1][0] == NUM_BYTES


def test_files_that_have_arrived_are_not_downloaded_again(publisher: FileServer, raw: Path) -> None:
    entry = entry_at(publisher.url("raw/"))
    missing = publisher.files.pop("raw/b/c.tsv")
    with pytest.raises(DownloadError, match="answers 404 Not Found"):
        bring(entry, raw)
    assert not raw.exists()
    publisher.files["raw/b/c.tsv"] = missing

    bring(entry, raw)

    require_whole(raw)
    assert [path for path, _ in publisher.ranges] == ["raw/a.tsv", "raw/b/c.tsv", "raw/b/c.tsv"]


def test_a_wrong_file_is_named_and_kept_aside(publisher: FileServer, raw: Path) -> None:
    entry = entry_at(publisher.url("raw/"))
    publisher.files["raw/b/c.tsv"].data = b"other"
    wrong = f"raw/b/c.tsv: found sha256 {sha256(b'other')}, expected {SUMS['b/c.tsv']}"

    with pytest.raises(RefusedError, match=f"{wrong}; .*kept in .*reviews.refused and not used"):
        bring(entry, raw)

    assert not raw.exists()
    assert (raw.with_name("reviews.refused") / "c.tsv").read_bytes() == b"other"
    publisher.files["raw/b/c.tsv"].data = FILES["b/c.tsv"]
    bring(entry, raw)
    require_whole(raw, "reviews.refused")


def test_an_archive_is_verified_by_its_own_sha256(server: FileServer, raw: Path) -> None:
    data = tar("x-1.0/raw", FILES | {"LICENSE": b""})
    server.files["x.tar.gz"] = Served(data)
    entry = entry_at(server.url("x.tar.gz"), archive(sha256(data)), len(data))
    bring(entry, raw)
    require_whole(raw)
    assert not (raw / "LICENSE").exists()


def test_an_archive_without_a_sha256_is_verified_by_its_content(
    server: FileServer, raw: Path
) -> None:
    server.files["x.tar.gz"] = Served(tar("x-1.0/raw", FILES | {"a.tsv": b"other"}))
    entry = entry_at(server.url("x.tar.gz"), archive(), 2000)
    with pytest.raises(RefusedError, match="found 2 raw files with sha256 .* of all, expected 2"):
        bring(entry, raw)
    assert not raw.exists()
    assert (raw.with_name("reviews.refused") / "x.tar.gz").exists()

    server.files["x.tar.gz"] = Served(tar("x-1.0/raw", FILES))
    bring(entry, raw)
    require_whole(raw, "reviews.refused")


def test_a_damaged_archive_is_not_used_again(server: FileServer, raw: Path) -> None:
    server.files["x.tar.gz"] = Served(b"<html>come back later</html>")
    entry = entry_at(server.url("x.tar.gz"), archive(), 2000)
    with pytest.raises(RefusedError, match="not a complete tar archive"):
        bring(entry, raw)
    server.files["x.tar.gz"] = Served(tar("x-1.0/raw", FILES))
    bring(entry, raw)
    require_whole(raw, "reviews.refused")


@pytest.fixture(params=["folder", "web"])
def mirror(request: pytest.FixtureRequest, server: FileServer, tmp_path: Path) -> str:
    """A mirror of the right files."""
    data = tar("raw", FILES)
    server.files["mirror/reviews.tar.gz"] = Served(data, breaks=[100])
    (tmp_path / "reviews.tar.gz").write_bytes(data)
    return str(tmp_path) if request.param == "folder" else server.url("mirror/")


@pytest.mark.parametrize("kind", [None, archive()], ids=["files", "archive"])
def test_a_mirror_has_the_same_raw_files(mirror: str, raw: Path, kind: Archive | None) -> None:
    bring(entry_at("http://127.0.0.1:9/", kind), raw, mirror=mirror, pauses_s=(0.0,))
    require_whole(raw)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (FILES | {"a.tsv": b"other"}, f"a.tsv: found sha256 {sha256(b'other')}, expected"),
        ({"a.tsv": FILES["a.tsv"]}, "found no b/c.tsv"),
    ],
)
def test_other_files_of_a_mirror_are_refused(
    tmp_path: Path, raw: Path, files: dict[str, bytes], message: str
) -> None:
    (tmp_path / "reviews.tar.gz").write_bytes(tar("raw", files))
    with pytest.raises(RefusedError, match=message):
        bring(entry_at("http://127.0.0.1:9/"), raw, mirror=str(tmp_path))
    assert (tmp_path / "reviews.tar.gz").exists()
    assert not raw.exists()


def test_a_mirror_that_lacks_it_is_named(tmp_path: Path, raw: Path) -> None:
    with pytest.raises(DataError, match=r"reviews.tar.gz: found no such file, .* the mirror"):
        bring(entry_at("http://127.0.0.1:9/"), raw, mirror=str(tmp_path))


def test_no_space_is_noticed_before(
    publisher: FileServer, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_usage = shutil._ntuple_diskusage(100, 90, 10)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: fake_usage)
    with pytest.raises(DataError, match="raw: found 10 bytes of free disk space, expected 73.6 kB"):
        bring(entry_at(publisher.url("raw/")), raw)
    assert publisher.ranges == []


def test_two_processes_do_not_write_the_same(publisher: FileServer, raw: Path) -> None:
    entry = entry_at(publisher.url("raw/"))
    with (
        raw_files._alone(entry, raw.with_name(".reviews.partial")),
        pytest.raises(DataError, match="another process fetches reviews"),
    ):
        bring(entry, raw)
    bring(entry, raw)
    require_whole(raw)
