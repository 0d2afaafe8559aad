"""An attempt as a worker can use it: with folders that it sees."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from distnet.data.cache.cache import own_cache
from distnet.data.cache.fetch import fetched, in_use
from distnet.data.manifest import Manifest
from distnet.errors import DistnetError
from distnet.launch.ray.relay.attachment import Attachment
from distnet.launch.ray.relay.call import Call
from distnet.launch.ray.relay.remote_store import RemoteStore
from distnet.launch.ray.relay.replica import Replica
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.workers.heartbeat import STARTING_LIMIT_S, Heartbeat, Stage
from distnet.spec.checkpoint_store import is_folder
from distnet.train.checkpoint.home import Home, OnPiece, SharedHome, no_piece
from distnet.train.checkpoint.store import Store


class RemoteHome(SharedHome):
    """A run folder that is reached through the relay.

    Args:
        assignment: the attempt, with the worker's copy of the folder.
        replica: ships that copy.
        call: calls the relay.
    """

    def __init__(self, assignment: Assignment, replica: Replica, call: Call) -> None:
        super().__init__(assignment)
        self._replica, self._call = replica, call

    def open_store(self, on_piece: OnPiece = no_piece) -> Store:
        """Open the store: a folder through the relay, any other directly.

        Raises:
            RunError: its address cannot be used.
        """
        assignment = self._assignment
        store = assignment.job.checkpoint.store
        if not is_folder(store):
            return super().open_store(on_piece)
        return RemoteStore(self._call, store, assignment.job_folder, on_piece)

    def require_newest(self) -> None:
        """Check that no newer attempt has begun; ships all that was written before.

        On a full disk checkpoints still get into an object store.

        Raises:
            StaleAttemptError: one has.
            WorkerFailedError: the relay does not respond.
            OSError: the run folder is full, and the checkpoints are in it.
        """
        try:
            self._replica.flush()
        except OSError:
            if is_folder(self._assignment.job.checkpoint.store):
                raise
            self._call("records", "require_newest")


@contextmanager
def reached(assignment: Assignment, own: Attachment) -> Iterator[tuple[Assignment, Home]]:
    """Yield the attempt with the folders that this worker uses, and where the run is kept.

    Raises:
        DistnetError: as raised in the context; paths in its text are those of the launcher.
    """
    local = replace(assignment, run=str(own.folder.path), code=own.moved(assignment.code))
    failed = True
    try:
        yield local, _home(local, own)
        failed = False
    except DistnetError as error:
        error.args = tuple(_original(argument, own) for argument in error.args)
        raise
    finally:
        own.release(failed=failed)


@contextmanager
def with_dataset(assignment: Assignment, own: Attachment, rank: int) -> Iterator[Assignment]:
    """Yield the attempt with a dataset that this worker sees: copied to its node if need be.

    Raises:
        DataError: what arrives is not what the manifest says.
        OSError: the cache of the node cannot be written.
    """
    if own.reach.dataset is None:
        yield assignment
    elif own.reach.dataset or own.call is None:
        with in_use(Path(own.reach.dataset), own_cache()):
            yield replace(assignment, dataset=own.reach.dataset)
    else:
        with _copied(assignment, own.call, rank) as folder:
            yield replace(assignment, dataset=str(folder))


@contextmanager
def _copied(assignment: Assignment, call: Call, rank: int) -> Iterator[Path]:
    """Copy the dataset, while heartbeats say that this worker does not hang."""
    manifest = Manifest.model_validate_json(call("shards", "manifest"))
    folder = assignment.folder
    heartbeat = Heartbeat(
        folder.heartbeat(rank),
        attempt=assignment.attempt,
        after_s=STARTING_LIMIT_S,
        log=folder.worker_log(rank),
    )
    with ExitStack() as stack:
        with closing(heartbeat):
            copied = fetched(
                manifest,
                partial(call, "shards", "read"),
                own_cache(),
                on_wait=partial(heartbeat.at, Stage.STARTING, limit_s=STARTING_LIMIT_S),
            )
            found = stack.enter_context(copied)
        yield found


def _home(local: Assignment, own: Attachment) -> Home:
    if own.replica is None or own.call is None:
        return SharedHome(local)
    return RemoteHome(local, own.replica, own.call)


def _original(argument: object, own: Attachment) -> object:
    """The text of an error, with the path of the run folder instead of that of its copy."""
    if not isinstance(argument, str):
        return argument
    return argument.replace(str(own.folder.path), own.folders.run)
