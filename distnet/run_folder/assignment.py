"""What a launcher gives to each worker: plain values only, so that it can be pickled."""

from dataclasses import dataclass
from pathlib import Path

from distnet.run_folder.paths import RunFolder
from distnet.spec.sections.job import Job


@dataclass(frozen=True)
class Assignment:
    """One attempt at a run."""

    job: Job
    """The resolved job."""
    job_folder: str
    """What relative paths of the job are relative to."""
    dataset: str
    """The folder of the dataset; empty if the task makes its own samples."""
    run: str
    """The run's folder, seen by all workers."""
    launch: str = "inline"
    attempt: int = 1
    """Counts from 1; also the fencing token: a worker whose number is below that in the run's
    `fence` file may no longer write."""
    is_resumed: bool = False
    precision: str = "fp32"
    """`fp32`, `tf32`, `bf16`; or `auto`, which the workers of the first attempt decide."""
    code: str = ""
    """The folder with the copy of the user's own code; empty if there is no copy."""
    code_sha256: str = ""
    """Identifies that code."""
    packages: tuple[str, ...] = ()
    """The packages of the job with their versions, after the options with which pip finds them."""
    packages_s: float = 0.0
    """How long they took to install before this attempt."""
    begins_with: str = ""
    """Describes the start weights, such as `step 6 of digits-1`; empty if they are drawn."""
    cause: str = "start"
    """Why this attempt was made: `start`, `resume`, `resize`, `drain`, or a kind of failure."""
    workers_before: int = 0
    """Of the attempt before, if there was one in the same command."""
    began_waiting: float = 0.0
    """Unix time of the last step of the attempt before; 0 for the first."""
    process_started: float = 0.0
    """Unix time at which the user's command began."""

    @property
    def dataset_folder(self) -> Path | None:
        """The folder of the dataset, if there is one."""
        return Path(self.dataset) if self.dataset else None

    @property
    def code_folder(self) -> Path:
        """Where the files of the user's own parts are."""
        return Path(self.code or self.job_folder)

    @property
    def folder(self) -> RunFolder:
        """The run's folder."""
        return RunFolder(Path(self.run))
