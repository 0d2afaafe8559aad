"""Follow metrics.jsonl from another process, for the progress display."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distnet.run_folder.records.recorder import Emit

POLL_S = 0.1


@contextmanager
def following(metrics: Path, listener: Emit | None) -> Iterator[None]:
    """Within the context, pass every record appended to `metrics` to `listener`."""
    if listener is None:
        yield
        return
    ended = threading.Event()
    start = metrics.stat().st_size if metrics.exists() else 0
    thread = threading.Thread(target=_follow, args=(metrics, start, listener, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _follow(metrics: Path, position: int, listener: Emit, ended: threading.Event) -> None:
    rest = b""
    while True:
        is_last = ended.wait(POLL_S)
        if metrics.exists():
            with metrics.open("rb") as file:
                file.seek(position)
                data = file.read()
            position += len(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                _emit(line, listener)
        if is_last:
            return


def _emit(line: bytes, listener: Emit) -> None:
    try:
        record = json.loads(line)
    except ValueError:  # torn by a crash of the attempt before
        return
    listener(record)
