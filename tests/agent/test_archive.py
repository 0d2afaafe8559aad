"""Archives are strangers' files: what is unpacked stays below its folder, and within limits."""

import io
import os
import stat
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distnet.agent import archive
from distnet.agent.archive import unpack
from distnet.client.code import pack
from distnet.errors import DataError
from tests.spec.code.folders import collected

JOB = "network: {kind: './mynet.py:Net'}\nfiles: [prepare.sh]"


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries:
            file.writestr(name, data)
    return buffer.getvalue()


def with_mode(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, mode << 16
    return entry


def found(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_what_the_client_packs_is_unpacked_as_it_was(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "parts").mkdir(parents=True)
    target.mkdir()
    (source / "mynet.py").write_text("import parts.ä\n")
    (source / "parts" / "ä.py").write_bytes(b"x = 1\n")
    (source / "prepare.sh").write_text("#!/bin/sh\n")
    (source / "prepare.sh").chmod(0o755)
    before = found(source)

    unpack(pack(collected(source, JOB)).data, target)

    assert found(target) == before
    assert os.access(target / "prepare.sh", os.X_OK)
    assert not os.access(target / "mynet.py", os.X_OK)


@pytest.mark.parametrize(
    "name",
    [
        "../outside.py",
        "parts/../../outside.py",
        "/outside.py",
        "..",
        "C:\\outside.py",
        "parts\\..\\outside.py",
        "new\nline.py",
        "a" * 2000,
        "/".join("a" * 40),
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    (tmp_path / "in").mkdir()

    with pytest.raises(DataError, match=r"refused.*submit the job again"):
        unpack(zipped((name, b"x")), tmp_path / "in")

    assert found(tmp_path) == {}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path, kind):
    with pytest.raises(DataError, match="link or a device"):
        unpack(zipped((with_mode("parts", kind | 0o777), b"/etc/passwd")), tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_name_twice_is_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        data = zipped(("a.py", b"1"), ("a.py", b"2"))

    with pytest.raises(DataError, match="twice"):
        unpack(data, tmp_path)


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_ENTRIES", 3)

    with pytest.raises(DataError, match="contains 4 files, expected at most 3"):
        unpack(zipped(*((f"{i}.py", b"") for i in range(4))), tmp_path)


def test_too_large_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 1000)

    with pytest.raises(DataError, match="unpacks to 1,200 bytes, expected at most 1,000"):
        unpack(zipped(("a", bytes(600)), ("b", bytes(600))), tmp_path)


def test_a_size_that_is_a_lie_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 1000)
    data = bytearray(zipped(("a", os.urandom(100_000))))
    central = data.index(b"PK\x01\x02")
    data[central + 24 : central + 28] = (10).to_bytes(4, "little")

    with pytest.raises(DataError):
        unpack(bytes(data), tmp_path)

    assert sum(len(content) for content in found(tmp_path).values()) <= 1000


def test_a_bomb_is_refused_before_anything_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_RATIO", 100)

    with pytest.raises(DataError, match="cannot unpack to"):
        unpack(zipped(("zeros", bytes(1_000_000))), tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_damaged_archive_is_refused(tmp_path):
    data = bytearray(zipped(("a.py", os.urandom(1000))))
    data[200] ^= 1

    with pytest.raises(DataError, match="not a complete zip"):
        unpack(bytes(data), tmp_path)


@settings(max_examples=200)
@given(data=st.data())
def test_altered_archives_are_refused_or_stay_inside(tmp_path_factory, data):
    whole = bytearray(zipped(("parts/a.py", b"x" * 50), ("b.py", b"y" * 50)))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("altered")
    (folder / "in").mkdir()

    with suppress(DataError, OSError):
        unpack(bytes(whole), folder / "in")

    assert [path.name for path in folder.iterdir()] == ["in"]
