"""The progress of an upload: a bar where stderr is a terminal, else a line at its end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from distnet.cli.data.progress import transfer_bar
from distnet.cli.output import say
from distnet.client.datasets import LocalDataset
from distnet.client.datasets import Progress as OnProgress
from distnet.spec.amounts import shown_bytes


@contextmanager
def upload_progress(dataset: LocalDataset, server: str) -> Iterator[OnProgress]:
    """Yield what takes the progress of an upload; says at its end what was uploaded."""
    done, total, began = 0, 0, time.monotonic()
    name = dataset.manifest.name
    with transfer_bar() as bar:
        task = bar.add_task(f"uploading {name}", total=None, visible=False)

        def on_progress(now_done: int, now_total: int) -> None:
            nonlocal done, total
            done, total = now_done, now_total
            bar.update(task, completed=done, total=total, visible=True)

        try:
            yield on_progress
        except BaseException:
            if total:
                sent = f"{shown_bytes(done)} of {shown_bytes(total)}"
                say(f"sent {sent} of {name}, which stay there; the same command goes on from there")
            raise
    if total:
        seconds = time.monotonic() - began
        rate = shown_bytes(total / max(seconds, 0.001))
        say(f"uploaded {name} to {server}: {shown_bytes(total)} in {seconds:.1f} s, {rate}/s")
