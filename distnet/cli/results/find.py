"""Find the run that a command means, and show what is copied for it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distnet.cli.data.progress import transfer_bar
from distnet.cli.interrupt import says_when_stopped
from distnet.cli.output import say
from distnet.client.choice import NONE
from distnet.client.download import Progress
from distnet.client.find import Finder
from distnet.client.server_job import ServerJob
from distnet.run_folder.paths import RunFolder
from distnet.spec.amounts import shown_bytes


def find_or_fetch(  # noqa: PLR0917
    reference: str,
    runs: Path,
    server: str | None,
    context: str | None,
    *,
    checkpoint: str | None = None,
    has_weights: bool = True,
) -> RunFolder:
    """Find a run here; else copy that of a server's job, or use it where this machine sees it.

    Args:
        reference: the name of a run or job, a folder, or `latest`.
        runs: the folder of run folders.
        server: with it, or a context, it is the server's job in any case.
        context: the name of a context.
        checkpoint: the one that is needed, as `--checkpoint` names it.
        has_weights: whether a checkpoint is needed at all.

    Raises:
        RunError: there is neither a run nor a job, or the copy would replace another run.
        DistnetError: the server refuses it, or does not respond.
    """
    finder = Finder(runs, server, context, say, transfer)
    return finder.find(reference, checkpoint if has_weights else NONE)


@contextmanager
def transfer(job: ServerJob) -> Iterator[Progress]:
    """Yield what takes the progress of a copy; says at its end what was copied."""
    name, began, num_bytes = job.name, time.monotonic(), 0
    stopped = "what has arrived stays; to go on from there, run the command again"
    with says_when_stopped(stopped), transfer_bar() as bar:
        task = bar.add_task(f"fetching {name}", total=None, visible=False)
        before = 0

        def on_progress(done: int, total: int) -> None:
            nonlocal num_bytes, before
            num_bytes += done - (before if done >= before else 0)
            before = done
            bar.update(task, completed=done, total=total, visible=True)

        yield on_progress
    if num_bytes:
        seconds = time.monotonic() - began
        origin = job.client.target.server
        say(f"fetched {name} from {origin}: {shown_bytes(num_bytes)} in {seconds:.1f} s")
