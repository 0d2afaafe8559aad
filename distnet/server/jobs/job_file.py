"""The job file of a submit, parsed; the same text is parsed only once."""

from dataclasses import dataclass, replace
from functools import lru_cache
from operator import attrgetter
from pathlib import Path, PurePosixPath

from distnet.errors import JobFileError
from distnet.protocol.errors import InvalidError
from distnet.protocol.submit import SubmitRequest
from distnet.scheduler.view import Shape
from distnet.spec.code.names import file_of
from distnet.spec.content import PREFIX, content_of
from distnet.spec.dump import dump_job
from distnet.spec.halving import epochs_of
from distnet.spec.parts import kinds, shipped_datasets
from distnet.spec.read import PACKAGES, JobFile, read_job_text
from distnet.spec.reading.faults import unknown
from distnet.spec.sections.job import Job
from distnet.spec.sections.queue import Queue
from distnet.spec.sweep import naming_sweep

CACHED = 1000


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


def parse_job_file(
    request: SubmitRequest, overrides: tuple[str, ...], store: str | None = None
) -> ParsedJob:
    """Parse the job file of a request, with its overrides and those of its sweep.

    Args:
        request: the request.
        overrides: of one job of its sweep.
        store: for the checkpoints of a job that names none.

    Raises:
        InvalidError: `bad_job_file`, with every fault and its line; `code_missing`.
    """
    has_code = request.code is not None
    parsed = _parse(request.spec, request.file, request.sets, overrides, has_code, store)
    if request.workers is None:
        return parsed
    if request.workers > parsed.slices:
        raise InvalidError(
            f"--workers: found {request.workers}, expected at most {parsed.slices}, one for each "
            "of the slices of a batch (train.slices)",
            code="bad_job_file",
        )
    return replace(
        parsed,
        shape=parsed.shape.resized(request.workers, request.workers),
    )


@lru_cache(maxsize=CACHED)
def _parse(  # noqa: PLR0917
    text: str,
    path: str,
    sets: tuple[str, ...],
    sweep: tuple[str, ...],
    has_code: bool,
    store: str | None,
) -> ParsedJob:
    try:
        file = read_job_text(text, path=Path(path), overrides=sets + sweep)
    except JobFileError as error:
        raise InvalidError(naming_sweep(str(error), sweep), code="bad_job_file") from None
    _require_reachable(file, has_code)
    job = _with_store(file.job.resolved(), store)
    resources = job.resources
    shape = Shape(
        resources.min_workers,
        resources.max_workers,
        job.num_cpus,
        resources.gpus,
        resources.selector,
    )
    dataset = content_of(job.data.source)
    epochs = epochs_of(job.train)
    return ParsedJob(job.name, dump_job(job), shape, job.queue, job.num_slices, epochs, dataset)


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
