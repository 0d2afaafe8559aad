"""Whether a folder that all nodes are to share is one: visible, right, atomic, with locks.

First every node writes a file (`write`), then all nodes at a time compare (`compare`): they read
the files of the others; the first node replaces a file again and again while the others read it;
it holds a lock that the others must not get.
"""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from distnet.cluster.hosts.on_host.messages import Given, reply

CONTENT_BYTES = 256 << 10
VISIBLE_S = 10.0
POLL_S = 0.02
REPLACE_S = 0.5
REPLACED = "replaced"
LOCK = "lock"


def write(given: Given) -> dict[str, Any]:
    """Write this node's file.

    Args:
        given: `folder`, to be shared; `probe`, the name of a folder in it; `node`, this one's
            number.
    """
    folder = Path(given["folder"]).expanduser()
    if not folder.is_dir():
        return {"error": f"found no folder {folder}"}
    own = folder / given["probe"]
    try:
        own.mkdir(exist_ok=True)
        save(own / f"{given['node']}", content(given["node"]))
        if given["node"] == 0:
            save(own / REPLACED, content(0))
    except OSError as error:
        return {"error": f"{folder} cannot be written: {error.strerror}"}
    return {"error": None}


def compare(given: Given) -> dict[str, Any]:
    """Compare with what the others have written.

    Args:
        given: as for `write`; `nodes`, the numbers of all that have written.
    """
    own, me = Path(given["folder"]).expanduser() / given["probe"], given["node"]
    began = time.monotonic()
    missing = [node for node in given["nodes"] if not waited(partial(is_right, own, node))]
    seconds = time.monotonic() - began
    if missing:
        return {"missing": missing, "seconds": seconds, "torn": 0, "is_locked": None}
    is_locked = hold(own, given["nodes"]) if me == 0 else try_lock(own, me)
    torn = replace_often(own) if me == 0 else read_often(own)
    return {"missing": [], "seconds": seconds, "torn": torn, "is_locked": is_locked}


def remove(given: Given) -> None:
    """Remove all that was written."""
    shutil.rmtree(Path(given["folder"]).expanduser() / given["probe"], ignore_errors=True)


def content(node: int) -> bytes:
    """What a node writes."""
    return hashlib.sha256(str(node).encode()).digest() * (CONTENT_BYTES // 32)


def save(path: Path, data: bytes) -> None:
    """Write a file whole, or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def is_right(folder: Path, node: int) -> bool:
    """Whether the file of a node is here, with what it wrote."""
    with suppress(OSError):
        return (folder / str(node)).read_bytes() == content(node)
    return False


def hold(folder: Path, nodes: list[int]) -> bool:
    """Hold a lock until all others have tried to get it; returns whether it was granted."""
    with (folder / LOCK).open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            (folder / f"{LOCK}-failed").touch()
            return False
        (folder / f"{LOCK}-held").touch()
        others = [node for node in nodes if node != 0]
        waited(lambda: all((folder / f"{LOCK}-{node}").exists() for node in others))
        return True


def try_lock(folder: Path, me: int) -> bool | None:
    """Whether the lock of the first node keeps this one out; None: it has none."""
    if not waited((folder / f"{LOCK}-held").exists):
        return None
    try:
        with (folder / LOCK).open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        (folder / f"{LOCK}-{me}").touch()
    return False


def replace_often(folder: Path) -> int:
    """Replace a file again and again while the others read it."""
    end, number = time.monotonic() + REPLACE_S, 0
    while time.monotonic() < end:
        number += 1
        save(folder / REPLACED, content(number % 2))
    return 0


def read_often(folder: Path) -> int:
    """Read a file while it is replaced; returns how often it was missing, or of two contents."""
    whole, torn = (content(0), content(1)), 0
    end = time.monotonic() + REPLACE_S
    while time.monotonic() < end:
        try:
            torn += (folder / REPLACED).read_bytes() not in whole
        except FileNotFoundError:
            torn += 1
        except OSError:  # NFS may say that what was read is gone; a reader then tries again
            continue
    return torn


def waited(is_so: Callable[[], bool]) -> bool:
    """Wait until something is so; returns whether it is."""
    deadline = time.monotonic() + VISIBLE_S
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def shared_folder(given: Given) -> object:
    """Do what `action` of the arguments says."""
    return {"write": write, "compare": compare, "remove": remove}[given["action"]](given)


if __name__ == "__main__":
    reply(shared_folder)
