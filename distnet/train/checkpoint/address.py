"""Open the folder in which a run keeps its checkpoints, where it is one."""

from pathlib import Path

from distnet.run_folder.copies.fetched import is_copy
from distnet.run_folder.paths import RunFolder
from distnet.spec.checkpoint_store import folder_of
from distnet.train.checkpoint.local_store import LocalStore


def open_folder(store: str | None, *, run: RunFolder, job_folder: Path) -> LocalStore | None:
    """Open the store of a run's checkpoints if that is a folder; None for an object store.

    A copy of a server's job has them in its own folder, whatever folder the job names: that one is
    on another machine, or is the job's own.

    Raises:
        RunError: the address cannot be used.
    """
    folder = None if store is None else folder_of(store, job_folder)
    if store is not None and folder is None:
        return None
    if folder is None or is_copy(run):
        return LocalStore(run.checkpoints, shown=run.checkpoints.name)
    return LocalStore(folder / run.path.resolve().name)
