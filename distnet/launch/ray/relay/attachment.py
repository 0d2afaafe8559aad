"""What this worker process sees of its attempt's folders, and how it reaches the others.

Ray Train prepares a process and runs the training in it by separate calls, so this is kept between
them.
"""

from contextlib import suppress
from pathlib import Path

from distnet.errors import DistnetError, StorageError
from distnet.launch.ray.relay.call import Call
from distnet.launch.ray.relay.folders import Folders, Reach
from distnet.launch.ray.relay.replica import Replica
from distnet.launch.ray.relay.scratch import Scratch
from distnet.run_folder.paths import RunFolder

_KEPT: list["Attachment"] = []


class Attachment:
    """How one worker reaches the folders of its attempt.

    Args:
        folders: the folders.
        reach: what the worker sees of them by itself.
    """

    def __init__(self, folders: Folders, reach: Reach) -> None:
        self.folders, self.reach = folders, reach
        self.folder = folders.run_folder
        """The run folder, or this worker's copy of it."""
        self.replica: Replica | None = None
        """Ships the copy; None if the worker sees the run folder."""
        self.call: Call | None = None
        """Calls the relay; None if the worker sees everything."""
        self._scratch: Scratch | None = None

    def attach(self, call: Call, rank: int) -> bool:
        """Use the relay for what the worker does not see; returns whether its copy is new."""
        self.call = call
        if self.reach.run:
            return False
        self._scratch = Scratch()
        self.folder = RunFolder(self._scratch.path / self.folders.run_folder.name)
        self.replica = Replica(self.folder, rank, call)
        self.replica.fetch()
        self.folder.copied_log(rank).write_text(str(self.folder.worker_log(rank)))
        self.replica.start()
        return True

    def moved(self, path: str) -> str:
        """A path below the run folder, as this worker sees it."""
        own = Path(path)
        if not path or not own.is_relative_to(self.folders.run):
            return path
        return str(self.folder.path / own.relative_to(self.folders.run))

    def release(self, *, failed: bool) -> None:
        """Ship what is left, and remove the copy.

        After a failure nothing is raised: the first error is the one to report.

        Raises:
            DistnetError: the rest could not be shipped.
        """
        try:
            with suppress(*((DistnetError, OSError) if failed else ())):
                if self.replica is not None:
                    self.replica.close()
        except OSError as error:
            raise StorageError(
                f"{self.folders.run}: the last records could not be written: "
                f"{error.strerror or error}; free disk space there"
            ) from None
        finally:
            if self._scratch is not None:
                self._scratch.remove()


def keep(own: Attachment) -> None:
    """Keep the attachment of this process."""
    _KEPT[:] = [own]


def attachment() -> Attachment:
    """The attachment of this process, which `prepare` has made."""
    return _KEPT[0]
