"""The dataset of a job that names it by its content: where the server keeps it, or a copy here.

The server's own folder is used where this node sees it, as on the server's machine and where run
folders are on a shared mount. Else the dataset is copied into the cache of this node, once.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from distnet.agent.connection import Connection, retry_until_reachable
from distnet.agent.output import print_line
from distnet.data.cache.by_content import VARIABLE
from distnet.data.cache.cache import own_cache
from distnet.data.cache.facts import shards_of
from distnet.data.cache.fetch import fetched
from distnet.data.manifest import MANIFEST, Manifest
from distnet.errors import RunError, StoppedError
from distnet.protocol.attempt import AttemptConfig
from distnet.spec.amounts import shown_bytes
from distnet.spec.content import content_of
from distnet.spec.read import read_job_text


@dataclass(frozen=True)
class Download:
    """How a dataset gets from the server to this node."""

    connection: Connection
    is_stopped: Callable[[], bool]
    """Whether the server has requested a stop."""

    @contextmanager
    def provided(self, config: AttemptConfig) -> Iterator[None]:
        """Let `find_dataset` find the dataset of a job until the end of the context.

        Raises:
            DataError: the server does not have it, or it is damaged.
            RunError: it cannot be written here.
            StoppedError: a stop was requested meanwhile.
        """
        sha256 = content_of(read_job_text(config.spec).job.data.source)
        with ExitStack() as held:
            if sha256 is not None:
                kept = Path(config.datasets)
                is_here = bool(config.datasets) and (kept / sha256 / MANIFEST).is_file()
                folder = kept if is_here else held.enter_context(self._copied()).parent
                os.environ[VARIABLE] = str(folder)
            yield

    @contextmanager
    def _copied(self) -> Iterator[Path]:
        data = retry_until_reachable(self.connection.manifest)
        manifest = Manifest.model_validate_json(data)
        cache = own_cache()
        if not (cache.entry(manifest.sha256) / MANIFEST).is_file():
            size = shown_bytes(sum(shard.num_bytes for shard in shards_of(manifest)))
            print_line(f"copying the dataset {manifest.name} from the server, {size}")
        with ExitStack() as held:
            try:
                copy = fetched(manifest, self._reader(manifest), cache, self._require_going)
                folder = held.enter_context(copy)
            except OSError as error:
                raise RunError(
                    f"{cache.folder}: the dataset cannot be copied to this node: "
                    f"{error.strerror or error}; free disk space there, or name another folder in "
                    "DISTNET_CACHE_DIR"
                ) from None
            yield folder

    def _reader(self, manifest: Manifest) -> Callable[[str, int, int], bytes]:
        names = {shard.file: shard.sha256 for shard in shards_of(manifest)}

        def read(file: str, offset: int, most_bytes: int) -> bytes:
            return retry_until_reachable(
                lambda: self.connection.shard(names[file], offset, most_bytes)
            )

        return read

    def _require_going(self) -> None:
        if self.is_stopped():
            raise StoppedError("stopped before it started")
