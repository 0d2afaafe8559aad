"""What a submit asks for, read from its job file: the same text is read only once."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from distnet.errors import JobFileError
from distnet.protocol.errors import InvalidError
from distnet.protocol.submit import SubmitRequest
from distnet.scheduler.view import Shape
from distnet.spec.dump import dump_job
from distnet.spec.parts import Package, datasets, kinds
from distnet.spec.read import JobFile, read_job_text
from distnet.spec.reading.faults import shortened, unknown
from distnet.spec.sections.queue import Queue

READ_LAST = 1000
ROOMS: tuple[tuple[str, Package], ...] = (("network", "networks"), ("task", "tasks"))


@dataclass(frozen=True, slots=True)
class Asked:
    """A job file, read."""

    name: str
    spec: str
    """The resolved job file: all defaults and overrides written out."""
    shape: Shape
    queue: Queue
    slices: int


def read_request(request: SubmitRequest, overrides: tuple[str, ...]) -> Asked:
    """Read the job file of a submit, with its overrides and those of its sweep.

    Raises:
        InvalidError: `bad_job_file`, with every fault and its line; `code_missing`.
    """
    has_code = request.code is not None
    asked = _read(request.spec, request.file, request.sets, overrides, has_code)
    if request.workers is None:
        return asked
    if request.workers > asked.slices:
        raise InvalidError(
            f"--workers: found {request.workers}, expected at most {asked.slices}: a batch of this "
            "job is cut into so many slices, and a worker needs one (train.slices)",
            code="bad_job_file",
        )
    shape = Shape(request.workers, request.workers, asked.shape.cpus, asked.shape.gpus)
    return Asked(asked.name, asked.spec, shape, asked.queue, asked.slices)


@lru_cache(maxsize=READ_LAST)
def _read(
    text: str, path: str, sets: tuple[str, ...], sweep: tuple[str, ...], has_code: bool
) -> Asked:
    try:
        file = read_job_text(text, path=Path(path), overrides=sets + sweep)
    except JobFileError as error:
        raise InvalidError(_blaming(str(error), sweep), code="bad_job_file") from None
    _require_reachable(file, has_code)
    job = file.job.resolved()
    resources = job.resources
    shape = Shape(resources.min_workers, resources.max_workers, job.num_cpus, resources.gpus)
    return Asked(job.name, dump_job(job), shape, job.queue, job.num_slices)


def _blaming(message: str, sweep: tuple[str, ...]) -> str:
    """Call what a sweep gave by its option; to the job file it is a `--set` as any other."""
    for setting in sweep:
        message = message.replace(f"--set {shortened(setting)}", f"--sweep {shortened(setting)}")
    return message


def _require_reachable(file: JobFile, has_code: bool) -> None:
    """Refuse what the machines of the cluster could not find."""
    for section, room in ROOMS:
        kind = getattr(file.job, section).kind
        if ".py:" in kind:
            if not has_code:
                wrong = f"found {kind!r}, but its file did not come along"
                raise InvalidError(str(file.fault(f"{section}.kind", wrong)), code="code_missing")
        elif kind not in kinds(room):
            wrong = f"found {kind!r}, expected one of {', '.join(kinds(room))}, or ./file.py:Class"
            raise InvalidError(str(file.fault(f"{section}.kind", wrong)), code="bad_job_file")
    _require_data(file)
    store = file.job.checkpoint.store
    if store is not None and "://" not in store and not PurePosixPath(store).is_absolute():
        raise InvalidError(
            str(file.fault("checkpoint.store", f"found {store!r}, expected an absolute path")),
            code="bad_job_file",
        )


def _require_data(file: JobFile) -> None:
    """Refuse a dataset that is neither shipped nor at a place that means the same everywhere."""
    source, shipped = file.job.data.source, datasets()
    if source is None or PurePosixPath(source).is_absolute() or source in shipped:
        return
    if "/" in source or source.startswith("."):
        wrong = f"found {source!r}, expected a dataset that ships with distnet or an absolute path"
    else:
        wrong = f"{unknown('dataset', source, shipped)}; a folder is given by its absolute path"
    wrong += " that all machines of the cluster see"
    raise InvalidError(str(file.fault("data.source", wrong)), code="bad_job_file")
