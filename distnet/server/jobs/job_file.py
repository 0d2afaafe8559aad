"""The job file of a submit, parsed; the same text is parsed only once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter, is_not
from pathlib import Path, PurePosixPath

from distnet.errors import JobFileError
from distnet.protocol.errors import InvalidError
from distnet.protocol.submit import SubmitRequest
from distnet.scheduler.view import Shape
from distnet.spec.code.names import file_of
from distnet.spec.content import PREFIX, content_of
from distnet.spec.dump import TrialDumper, dump_job
from distnet.spec.halving import epochs_of
from distnet.spec.parts import kinds, shipped_datasets
from distnet.spec.read import PACKAGES, JobFile, read_job_text
from distnet.spec.reading.faults import unknown
from distnet.spec.sections.job import Job
from distnet.spec.sections.queue import Queue
from distnet.spec.sweep import naming_sweep
from distnet.spec.trials import Trials

CACHED = 1000
FOUND_BY_NODES = ("network", "task", "data", "files", "packages", "checkpoint")
"""Sections that name what the nodes of the cluster must find."""


@dataclass(frozen=True, slots=True)
class ParsedJob:
    """What the server needs of a job file."""

    name: str
    spec: str
    """The resolved job file: all defaults and overrides written out."""
    shape: Shape
    queue: Queue
    slices: int
    epochs: int | None
    """None if its length is given in steps."""
    dataset: str | None
    """The sha256 of its dataset, if the job file names it by its content."""


def checkpoint_store(address: str | None, ledger: str) -> str | None:
    """Where jobs keep their checkpoints that name no store; None for their run folders.

    Args:
        address: the object store of the server's settings.
        ledger: the id of the ledger; names of jobs are unique in one ledger only.
    """
    return None if address is None else f"{address.rstrip('/')}/{ledger}"


def parse_job_file(request: SubmitRequest, store: str | None = None) -> ParsedJob:
    """Parse the job file of a request without a sweep.

    Args:
        request: the request.
        store: for the checkpoints of a job that names none.

    Raises:
        InvalidError: `bad_job_file`, with every fault and its line; `code_missing`.
    """
    has_code = request.code is not None
    return _parse(request.spec, request.file, request.sets, has_code, store, request.workers)


class SweepFile:
    """The job file of a request with a sweep.

    Args:
        request: the request.
        store: for the checkpoints of a job that names none.
    """

    def __init__(self, request: SubmitRequest, store: str | None) -> None:
        self._request, self._store = request, store
        self._trials = Trials(request.spec, path=Path(request.file), sets=request.sets)
        self._dumper = TrialDumper()
        self._reachable: tuple[object, ...] = ()
        """What the nodes can find, see `_require_reachable`."""

    def parse(self, overrides: tuple[str, ...]) -> ParsedJob:
        """Parse it with the overrides of one trial.

        Raises:
            InvalidError: as `parse_job_file`.
        """
        try:
            file = self._trials.read(overrides)
        except JobFileError as error:
            message = naming_sweep(str(error), overrides)
            raise InvalidError(message, code="bad_job_file") from None
        found = tuple(getattr(file.job, name) for name in FOUND_BY_NODES)
        if len(self._reachable) != len(found) or any(map(is_not, found, self._reachable)):
            _require_reachable(file, self._request.code is not None)
            self._reachable = found
        return _parsed(file.job, self._store, self._request.workers, self._dumper.dump)


@lru_cache(maxsize=CACHED)
def _parse(  # noqa: PLR0917
    text: str,
    path: str,
    sets: tuple[str, ...],
    has_code: bool,
    store: str | None,
    workers: int | None,
) -> ParsedJob:
    try:
        file = read_job_text(text, path=Path(path), overrides=sets)
    except JobFileError as error:
        raise InvalidError(str(error), code="bad_job_file") from None
    _require_reachable(file, has_code)
    return _parsed(file.job, store, workers, dump_job)


def _parsed(
    job: Job, store: str | None, workers: int | None, dump: Callable[[Job], str]
) -> ParsedJob:
    job = _with_store(job.resolved(), store)
    resources, slices = job.resources, job.num_slices
    if workers is not None and workers > slices:
        raise InvalidError(
            f"--workers: found {workers}, expected at most {slices}, one for each of the slices of "
            "a batch (train.slices)",
            code="bad_job_file",
        )
    shape = Shape(
        workers or resources.min_workers,
        workers or resources.max_workers,
        job.num_cpus,
        resources.gpus,
        resources.selector,
    )
    dataset, epochs = content_of(job.data.source), epochs_of(job.train)
    return ParsedJob(job.name, dump(job), shape, job.queue, slices, epochs, dataset)


def _with_store(job: Job, store: str | None) -> Job:
    if store is None or job.checkpoint.store is not None:
        return job
    return job.model_copy(update={"checkpoint": job.checkpoint.model_copy(update={"store": store})})


def _require_reachable(file: JobFile, has_code: bool) -> None:
    """Refuse what the nodes of the cluster could not find."""
    for section, package in PACKAGES.items():
        part = attrgetter(section)(file.job)
        if part is None:
            continue
        kind = part.kind
        if file_of(kind) is not None:
            if not has_code:
                wrong = f"found {kind!r}, but the file was not uploaded with the job"
                raise InvalidError(str(file.fault(f"{section}.kind", wrong)), code="code_missing")
        elif kind not in kinds(package):
            known = ", ".join(kinds(package))
            wrong = f"found {kind!r}, expected one of {known}, or ./file.py:Class"
            raise InvalidError(str(file.fault(f"{section}.kind", wrong)), code="bad_job_file")
    if file.job.files and not has_code:
        wrong = "found files, but they were not uploaded with the job"
        raise InvalidError(str(file.fault("files", wrong)), code="code_missing")
    if isinstance(file.job.packages, str) and not has_code:
        wrong = f"found {file.job.packages!r}, but the file was not uploaded with the job"
        raise InvalidError(str(file.fault("packages", wrong)), code="code_missing")
    _require_data(file)
    store = file.job.checkpoint.store
    if store is not None and "://" not in store and not PurePosixPath(store).is_absolute():
        wrong = f"found {store!r}, expected an absolute path"
        raise InvalidError(str(file.fault("checkpoint.store", wrong)), code="bad_job_file")


def _require_data(file: JobFile) -> None:
    """Refuse a dataset that is not shipped, has no sha256 and is at no absolute path."""
    source, shipped = file.job.data.source, shipped_datasets()
    if source is None or PurePosixPath(source).is_absolute() or source in shipped:
        return
    if content_of(source) is not None:  # whether the server has it is checked at the submit
        return
    if source.startswith(PREFIX):
        wrong = (
            f"found {source!r}, expected {PREFIX} and 64 hexadecimal digits, as distnet data push "
            "prints it"
        )
        raise InvalidError(str(file.fault("data.source", wrong)), code="bad_job_file")
    if "/" in source or source.startswith("."):
        wrong = f"found {source!r}, expected a dataset that ships with distnet or an absolute path"
    else:
        wrong = f"{unknown('dataset', source, shipped)}; a folder is given by its absolute path"
    wrong += " that all nodes of the cluster can read"
    raise InvalidError(str(file.fault("data.source", wrong)), code="bad_job_file")
