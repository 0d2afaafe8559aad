"""`distnet.open`: a run of this machine, or that of a server's job, which is copied here."""

import os
from pathlib import Path

from distnet.client.find import Finder
from distnet.notebook.run import Run
from distnet.notebook.showing import line_printer
from distnet.run_folder.paths import RunFolder, shown


def open(
    run: str | Path | Run,
    *,
    runs: str | Path = "runs",
    server: str | None = None,
    context: str | None = None,
) -> Run:
    """Open a run, whether it trains or has ended; needs neither torch nor Ray.

    A name that no run here has is that of a server's job: its records are copied into `runs`, and
    a checkpoint as soon as it is needed. A job that trains is copied as it is now; opened again, it
    is brought up to date.

    Args:
        run: its name, its folder, or `latest`; or the name of a server's job.
        runs: the folder in which names are looked up.
        server: address of the server: the name is that of its job, also where a run here has it.
        context: the name of a context, instead of an address.

    Raises:
        RunError: there is neither a run nor a job of this name, or `runs` has another run of it.
        DistnetError: the server refuses it, or does not respond.
    """
    if isinstance(run, Run):
        return run
    finder = Finder(Path(runs), server, context, line_printer())
    folder = RunFolder(shown(finder.find(os.fspath(run)).path.resolve()))

    silent = Finder(folder.path.parent, server, context)

    def bring(checkpoint: str | int | None) -> None:
        silent.complete(folder, None if checkpoint is None else str(checkpoint))

    return Run(folder, bring)
