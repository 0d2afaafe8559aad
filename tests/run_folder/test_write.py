"""Files are written whole or not at all."""

import os
from pathlib import Path

import pytest

from distnet.errors import RunError
from distnet.run_folder.write import write_whole


@pytest.mark.parametrize(
    ("error", "seen"), [(KeyboardInterrupt, KeyboardInterrupt), (OSError(28, "full"), RunError)]
)
def test_what_ends_a_write_leaves_the_file_as_it_was(
    error: BaseException, seen: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    write_whole(file, b"before")

    def fail(_: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(seen):
        write_whole(file, b"after")

    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert file.read_bytes() == b"before"
