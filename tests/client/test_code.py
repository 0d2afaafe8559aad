"""The archive of a job's own code: the same files, the same bytes."""

import io
import os
import stat
import zipfile
from pathlib import Path

from distnet.client.code import pack
from tests.spec.code.folders import collected, fill

FILES = {"mynet.py": "import parts.layer", "parts/layer.py": "b", "unused.txt": "c"}


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    first = fill(tmp_path / "one", FILES)
    second = fill(tmp_path / "two", dict(reversed(FILES.items())))
    os.utime(second / "mynet.py", (1e9, 1e9))
    (second / "mynet.py").chmod(0o600)

    assert pack(collected(first)) == pack(collected(second))
    archive = zipfile.ZipFile(io.BytesIO(pack(collected(first)).data))
    assert archive.namelist() == ["mynet.py", "parts/layer.py"]
    (second / "mynet.py").write_text("A")
    assert pack(collected(first)).sha256 != pack(collected(second)).sha256


def test_programs_stay_programs_and_links_become_files(tmp_path: Path) -> None:
    folder = fill(tmp_path / "jobs", {"mynet.py": "import parts\n"})
    fill(tmp_path, {"shared/__init__.py": ""})
    os.symlink(tmp_path / "shared", folder / "parts")
    (tmp_path / "shared/__init__.py").chmod(0o755)

    entries = zipfile.ZipFile(io.BytesIO(pack(collected(folder)).data)).infolist()

    modes = {entry.filename: entry.external_attr >> 16 for entry in entries}
    assert modes == {
        "mynet.py": stat.S_IFREG | 0o644,
        "parts/__init__.py": stat.S_IFREG | 0o755,
    }
