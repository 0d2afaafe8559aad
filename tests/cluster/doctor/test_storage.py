"""A folder that nodes share, or do not: each node is a thread."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from distnet.cluster.hosts.on_host import shared_folder
from distnet.cluster.hosts.on_host.shared_folder import is_right, save

PROBE = ".distnet-doctor-1"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_folder, "REPLACE_S", 0.05)
    monkeypatch.setattr(shared_folder, "VISIBLE_S", 0.3)


def each(action: str, folders: list[Path], **more: Any) -> list[Any]:
    """Do something on all nodes at the same time."""

    def one(node: int) -> Any:
        given = {"folder": str(folders[node]), "probe": PROBE, "node": node, **more}
        return shared_folder.shared_folder(given | {"action": action})

    with ThreadPoolExecutor(len(folders)) as pool:
        return list(pool.map(one, range(len(folders))))


def compared(folders: list[Path]) -> list[dict[str, Any]]:
    assert each("write", folders) == [{"error": None}] * len(folders)
    return each("compare", folders, nodes=list(range(len(folders))))


def test_folder_that_is_one_is_consistent_and_left_empty(tmp_path):
    found = compared([tmp_path] * 3)

    assert [row["missing"] for row in found] == [[], [], []]
    assert [row["torn"] for row in found] == [0, 0, 0]
    assert [row["is_locked"] for row in found] == [True, True, True]
    each("remove", [tmp_path])
    assert list(tmp_path.iterdir()) == []


def test_two_folders_of_one_path_are_noticed(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()

    found = compared(folders)

    assert [row["missing"] for row in found] == [[1], [0]]


def test_other_content_is_noticed(tmp_path):
    (tmp_path / PROBE).mkdir()
    save(tmp_path / PROBE / "1", b"of another time")

    assert not is_right(tmp_path / PROBE, 1)


def test_lock_that_is_granted_twice_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_folder.fcntl, "flock", lambda *_: None)

    assert compared([tmp_path] * 2)[1]["is_locked"] is False


def test_file_that_is_replaced_in_place_is_noticed(tmp_path, monkeypatch):
    def in_place(path: Path, data: bytes) -> None:
        path.unlink(missing_ok=True)
        path.write_bytes(data)

    each("write", [tmp_path] * 2)
    monkeypatch.setattr(shared_folder, "save", in_place)
    monkeypatch.setattr(shared_folder, "REPLACE_S", 0.3)

    assert each("compare", [tmp_path] * 2, nodes=[0, 1])[1]["torn"] > 0


@pytest.mark.parametrize(
    ("make", "text"),
    [(lambda path: None, "found no folder"), (Path.touch, "found no folder")],
)
def test_folder_that_is_none_is_named(tmp_path, make: Callable[[Path], object], text):
    make(tmp_path / "absent")

    (found,) = each("write", [tmp_path / "absent"])

    assert found["error"].startswith(text)
