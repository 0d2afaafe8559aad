"""Start a node, observe it, end it, and remove what it leaves.

A node is one process, `python -m distnet.cluster.node FOLDER`, and all below it. Its settings are
in `node.json`, what it does in `state.json`, which goes when it ends.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distnet.cluster.hosts.on_host.data import is_worth_keeping
from distnet.cluster.hosts.on_host.messages import Failure, Given, reply
from distnet.cluster.hosts.on_host.network import taken
from distnet.cluster.hosts.on_host.processes import MARK, POLL_S, end, marked
from distnet.cluster.hosts.on_host.systemd import remove_unit, start_unit

CONNECT_S = 10.0
LAST_LINES = 4
TAIL_BYTES = 4000
State = Mapping[str, Any]


def status(given: Given) -> dict[str, object]:
    """What runs here.

    Args:
        given: `folder` of the cluster on this host.
    """
    folder = Path(given["folder"]).expanduser()
    node, state = read(folder / "node.json"), read(folder / "state.json")
    found = marked(node["mark"]) if node else set()
    is_running = state is not None and state["pid"] in found
    return {
        "node": node and {key: node[key] for key in ("role", "address", "num_cpus", "num_gpus")},
        "state": state if is_running else None,
        "num_processes": len(found),
        "log": [] if is_running else tail(folder / "node.log"),
    }


def start(given: Given) -> dict[str, object]:
    """Start the node; one that is up with the same settings is left alone.

    Args:
        given: `folder`; `command`, that of the node; `unit` and `unit_text` for systemd; `sockets`,
            the folder of Ray's sockets; `head` to reach; `ports` to listen on; `timeout_s`.
    """
    folder = Path(given["folder"]).expanduser()
    node, state = read(folder / "node.json"), read(folder / "state.json")
    assert node is not None, "its settings are copied before"
    if state is not None and state["pid"] in marked(node["mark"]) and is_up(state, node["version"]):
        return {"is_new": False, "state": state}
    stop(given)
    try:
        make_private(Path(given["sockets"]))
        if given["head"]:
            require_reachable(*given["head"])
        require_free(given["ports"])
        if node["storage"]:
            require_shared(node["storage"], node["storage_mark"], is_head=node["role"] == "head")
        launch(given, folder, node["mark"])
        state = wait_until_up(folder, node["version"], given["timeout_s"])
    except BaseException:
        stop(given)
        raise
    return {"is_new": True, "state": state}


def stop(given: Given) -> dict[str, object]:
    """End the node, and wait until nothing of it runs.

    Args:
        given: `folder`, `unit`.
    """
    folder = Path(given["folder"]).expanduser()
    node, state = read(folder / "node.json"), read(folder / "state.json")
    remove_unit(given["unit"])
    num_ended = end(state and state["pid"], node["mark"]) if node else 0
    (folder / "state.json").unlink(missing_ok=True)
    return {"num_ended": num_ended}


def remove(given: Given) -> dict[str, object]:
    """End the node and remove its folders.

    Args:
        given: `folder`, `unit`; `keep`, names in the folder that stay if they hold work;
            `parents`, folders that go if they are empty.
    """
    folder = Path(given["folder"]).expanduser()
    node = read(folder / "node.json")
    ended = stop(given)
    if node is not None:
        shutil.rmtree(node["sockets"], ignore_errors=True)
        if node["storage"] and node["role"] == "head":
            (Path(node["storage"]) / node["storage_mark"]).unlink(missing_ok=True)
    kept = [name for name in given["keep"] if is_worth_keeping(folder / name)]
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in kept:
            delete(path)
    for path in (folder, *(Path(name).expanduser() for name in given["parents"])):
        try:
            path.rmdir()
        except OSError:  # others have files there
            break
    return ended | {"kept": [str(folder / name) for name in kept]}


def launch(given: Given, folder: Path, mark: str) -> None:
    """Start the node by systemd, or as a process that outlives the login."""
    if given["unit_text"] and start_unit(given["unit"], given["unit_text"]):
        return
    with (folder / "node.log").open("ab") as log:
        subprocess.Popen(
            given["command"],
            cwd="/",
            env={**os.environ, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def is_up(state: State, version: str) -> bool:
    """Whether all parts of a node with these settings are up."""
    parts = [state["ray"], state["server"]]
    return state["version"] == version and all(part["is_up"] for part in parts if part)


def wait_until_up(folder: Path, version: str, timeout_s: float) -> State:
    """Wait for the state in which everything of the node is up."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        state: State | None = read(folder / "state.json")
        if state is not None and is_up(state, version):
            return state
        parts = (state["ray"], state["server"]) if state is not None else ()
        for error in (part["error"] for part in parts if part and part["error"]):
            raise broken(error)
        time.sleep(POLL_S)
    last = " / ".join(tail(folder / "node.log"))
    raise broken(f"it is not up within {timeout_s:.0f} s; its log ends with: {last or 'nothing'}")


def broken(found: str) -> Failure:
    """The node does not start."""
    return Failure("node", found, "see its log: distnet cluster logs FILE HOST")


def require_reachable(host: str, port: int) -> None:
    """Check that the head can be reached, which Ray would try in silence for minutes."""
    try:
        socket.create_connection((host, port), timeout=CONNECT_S).close()
    except OSError as error:
        raise Failure(
            "head-unreachable",
            f"cannot reach the head at {host}:{port}: {error.strerror or error}",
            "set `address` of the head to one that all hosts reach, and open the ports of the "
            "nodes to one another in any firewall",
        ) from None


def require_free(ports: Sequence[tuple[str, str, int]]) -> None:
    """Check that nobody listens where the node will."""
    for key, host, port in ports:
        error = taken(host, port)
        if error is not None:
            raise Failure(
                "port-taken",
                f"cannot listen on {host}:{port}: {error}",
                f"end the program that listens there, or set another `{key}`",
            )


def require_shared(storage: str, name: str, *, is_head: bool) -> None:
    """Check that the shared folder is the same as on the head, and that this user may write it."""
    folder, mark = Path(storage), Path(storage) / name
    if not folder.is_dir():
        raise Failure("no-storage", f"found no folder {storage}", "mount it, or change `storage`")
    if not os.access(folder, os.W_OK | os.X_OK):
        remedy = "let this user write there, or change `storage`"
        raise Failure("no-permission", f"{storage} cannot be written", remedy)
    if is_head:
        mark.touch()
    elif not mark.exists():
        found = f"{storage} is not the folder that the head has under this path"
        raise Failure("no-storage", found, "mount the same folder there, or change `storage`")


def make_private(folder: Path) -> None:
    """Make a folder that only this user can enter."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        found = f"{folder} belongs to another user"
        raise Failure("no-permission", found, "have its owner remove it")
    folder.chmod(0o700)


def read(path: Path) -> Any:
    """The JSON of a file; None if there is none."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def tail(path: Path) -> list[str]:
    """The last lines of a log."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if line.strip()][-LAST_LINES:]


def delete(path: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def control(given: Given) -> object:
    """Do what `command` of the arguments says."""
    actions = {"status": status, "start": start, "stop": stop, "remove": remove}
    return actions[given["action"]](given)


if __name__ == "__main__":
    reply(control)
