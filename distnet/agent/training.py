"""Train as an attempt is configured, in the run folder of the job, and record how that ended."""

import os
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distnet.agent.code import code_folder
from distnet.agent.connection import UnreachableError
from distnet.agent.log_lines import with_log_command
from distnet.errors import DistnetError, RunError, StoppedError, WorkerFailedError
from distnet.launch.placement import Placement
from distnet.launch.run import resume, run
from distnet.protocol.attempt import AttemptConfig, Exit, reportable_result
from distnet.protocol.states import AttemptEnd
from distnet.run_folder.create import remove_incomplete
from distnet.run_folder.fence import claim_fence, read_fence
from distnet.run_folder.lock import is_held
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object
from distnet.run_folder.records.log import RunLog
from distnet.run_folder.records.recorder import Emit
from distnet.run_folder.write import finite
from distnet.spec.read import read_job

FINISHED, STOPPED, FAILED = AttemptEnd.FINISHED, AttemptEnd.STOPPED, AttemptEnd.FAILED
LOCK_PATIENCE_S = 120.0
"""How long an older attempt may take to notice that it was replaced."""
POLL_EVERY_S = 0.2
LONGEST_ERROR = 10_000
LOST = "lost_worker"


@dataclass(frozen=True)
class Training:
    """The training of one attempt."""

    config: AttemptConfig
    scratch: Path
    """A folder on this machine."""
    placement: Placement
    listener: Emit
    fetch_code: Callable[[], bytes]
    """Downloads the archive with the job's own files."""
    provide: Callable[[AttemptConfig], AbstractContextManager[None]] = lambda _: nullcontext()
    """Lets the dataset of the job be found within a context."""
    is_stopped: Callable[[], bool] = lambda: False
    """Whether the server has requested a stop already."""
    lock_patience_s: float = LOCK_PATIENCE_S

    @property
    def folder(self) -> RunFolder:
        """The run folder."""
        return RunFolder(Path(self.config.runs) / self.config.job)

    def run(self) -> Exit:
        """Train to the end; every error becomes an exit record."""
        try:
            return _exit_of(self._train())
        except StoppedError as error:
            return Exit(end=STOPPED, step=self._saved_step(), error=_short(str(error)))
        except DistnetError as error:
            return self._failed(str(error), error.failure)
        except KeyboardInterrupt:
            return self._failed("killed from outside by a second signal", LOST)
        except (Exception, SystemExit) as error:  # of the job's own files, or of Ray
            traceback.print_exc()
            text = f"{type(error).__name__}: {error}"
            return self._failed(text, LOST if _is_from_outside(error) else "user_error")

    def _train(self) -> dict[str, Any]:
        """Start the run, or resume it; returns its result."""
        spec = self.scratch / "job.yaml"
        spec.write_text(self.config.spec, "utf-8")
        job_folder = self._job_folder()
        with self.provide(self.config):
            if self.is_stopped():
                raise StoppedError("stopped before it started")
            if self.folder.plan.is_file():
                return self._resume(spec)
            remove_incomplete(self.folder)
            return self._start(spec, job_folder)

    def _start(self, spec: Path, job_folder: Path) -> dict[str, Any]:
        start = self.config.start_from
        return run(
            spec,
            workers=self._workers,
            name=self.config.job,
            runs=self.config.runs,
            job_folder=job_folder,
            start_from=None if start is None else Path(self.config.runs) / start,
            **self._cluster,
        ).result

    def _resume(self, spec: Path) -> dict[str, Any]:
        folder = self.folder
        _require_same_job(folder, spec)
        wait_for_older_attempts(folder, patience_s=self.lock_patience_s)
        result = read_object(folder.result)
        if result.get("status") == "finished":  # by an attempt whose exit record was lost
            return result
        return resume(folder.path, workers=self._workers, **self._cluster).result

    def _job_folder(self) -> Path:
        """The folder where relative paths in the job file start."""
        runs, code = Path(self.config.runs), self.config.code
        return runs if code is None else code_folder(runs, code, self.fetch_code)

    @property
    def _cluster(self) -> dict[str, Any]:
        """The Ray cluster that has started this process, and the nodes to use."""
        address = os.environ.get("RAY_ADDRESS") or "auto"
        return {"address": address, "placement": self.placement, "listener": self.listener}

    @property
    def _workers(self) -> int:
        return sum(self.config.placement.values())

    def _failed(self, error: str, failure: str) -> Exit:
        error = with_log_command(error.replace(f"{self.scratch}{os.sep}", ""), self.config.job)
        return Exit(end=FAILED, step=self._saved_step(), error=_short(error), failure=failure)

    def _saved_step(self) -> int:
        return RunLog(self.folder).saved_step


def wait_for_older_attempts(folder: RunFolder, *, patience_s: float) -> None:
    """Wait until no older attempt trains in this folder; fence it off, so that it saves nothing.

    Raises:
        WorkerFailedError: an older attempt did not end.
    """
    end, fence = time.monotonic() + patience_s, None
    while is_held(folder):
        if read_fence(folder) != fence:  # if not None, the older one has started again meanwhile
            fence = claim_fence(folder, 1)
        if time.monotonic() > end:
            raise WorkerFailedError(
                f"{folder.path}: an older attempt still trains this run after {patience_s:.0f} s; "
                "the server tries again later"
            )
        time.sleep(POLL_EVERY_S)


def _require_same_job(folder: RunFolder, spec: Path) -> None:
    """A job's name is unique on the server, but the folder may be older than the server.

    Raises:
        RunError: the folder belongs to another job.
    """
    if read_job(folder.job).job != read_job(spec).job.resolved():
        raise RunError(
            f"{folder.path}: found the run of another job with this name, expected none; move that "
            "folder away, or submit the job under another --name"
        )


def _exit_of(result: dict[str, Any]) -> Exit:
    end = FINISHED if result.get("status") == "finished" else STOPPED
    return Exit(end=end, step=result.get("steps"), result=reportable_result(finite(result)))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_ERROR else f"{text[:LONGEST_ERROR]}..."


def _is_from_outside(error: BaseException) -> bool:
    kinds = (ConnectionError, UnreachableError)
    return isinstance(error, kinds) or type(error).__module__.startswith("ray.")
