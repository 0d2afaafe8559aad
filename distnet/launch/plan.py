"""The plan of a job, made and checked before anything is written or started."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from distnet.data.evaluation_split import evaluation_split, final_split, split_note
from distnet.data.manifest import Manifest, read_manifest
from distnet.data.opening import build_view, viewed
from distnet.data.order import Batches
from distnet.data.shipped import find_dataset
from distnet.errors import DataError, DistnetError, PartError
from distnet.launch.planning.baseline import plan_baseline
from distnet.launch.planning.batches import plan_batches
from distnet.launch.planning.memory import memory_of_worker
from distnet.launch.planning.misfits import refuse_inline_workers, refuse_misfits
from distnet.launch.rehearsal.few_samples import FewSamples
from distnet.launch.rehearsal.own_moves import check_callbacks, try_schedules
from distnet.launch.rehearsal.probe import Probe, probe
from distnet.launch.rehearsal.rehearsal import Rehearsal, rehearse
from distnet.launch.rehearsal.subject import Subject
from distnet.launch.staging import staged, warn_of_unkept
from distnet.run_folder.paths import WRITTEN
from distnet.spec.code.collect import OwnCode, own_code
from distnet.spec.code.importer import forget
from distnet.spec.code.outside import outside_files, sha256_of
from distnet.spec.code.own_errors import own_errors
from distnet.spec.code.reads import watched_reads
from distnet.spec.packages.requirements import (
    Requirements,
    requirements_of,
    requirements_of_lines,
)
from distnet.spec.packages.use import print_progress, use_packages
from distnet.spec.read import JobFile
from distnet.spec.sections.job import Job
from distnet.train.compute.feeds import num_evaluated, num_final
from distnet.train.compute.trainee import count_steps
from distnet.train.device.precision import plan_precision
from distnet.train.exchange.tree import own_slices
from distnet.train.feed import Feed, checked_feed
from distnet.trained.start.start_weights import start_note


@dataclass(frozen=True)
class Plan:
    """The plan of one run."""

    name: str
    network: str
    num_parameters: int
    input_shape: tuple[int, ...]
    num_outputs: int
    train_samples: int
    eval_samples: int
    epochs: float
    steps: int
    steps_per_epoch: int
    batch_size: int
    draws: int
    """Batches of samples that a step takes."""
    slices: int
    workers: int
    slices_per_worker: tuple[tuple[int, int], ...]
    precision: str
    """`fp32`, `tf32`, `bf16`; or `auto`, which the workers decide when they have started."""
    device: str
    """`cpu` or `cuda`, as torch names GPUs of NVIDIA and AMD."""
    data_in_memory: bool
    dataset: str
    job_folder: str
    code: dict[str, str]
    """By name, the sha256 of each file of the user's own code."""
    code_sha256: str
    """Of all of them; empty if there are none."""
    job_file: dict[str, str]
    """By path, the sha256 of the user's job file, as it was when the run began."""
    outside: dict[str, str]
    """By path, what identifies each file that it uses from elsewhere, unless it is installed."""
    memory_bytes: dict[str, int]
    """Of one worker, by use."""
    eval_split: str | None
    """The split that is measured while training; None if none is."""
    final_split: str | None
    """The split that is measured once, at the end; None if that is the same."""
    final_samples: int
    baseline: dict[str, Any] | None
    """What a simple rule reaches: the split that the result stands on, its name, its metrics."""
    notes: tuple[str, ...]
    """What the user should know before training starts."""
    writes: tuple[str, ...]
    packages: tuple[str, ...] = ()
    """The packages of the job with their versions, after the options with which pip finds them."""
    packages_s: float = 0.0
    """How long they took to install here; 0 where they were installed before."""

    @property
    def dataset_folder(self) -> Path | None:
        """The folder of the dataset, if there is one."""
        return Path(self.dataset) if self.dataset else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def make_plan(
    file: JobFile,
    *,
    workers: int | None = None,
    inline: bool = False,
    packages: Sequence[str] | None = None,
    is_new: bool = True,
    say: Callable[[str], None] = print_progress,
) -> Plan:
    """Plan the run of a job.

    Args:
        file: the job file as read.
        workers: instead of the job's own number.
        inline: one worker, in this process.
        packages: with their versions, as an earlier plan has them. Default: what the job asks for.
        is_new: whether the run begins, so that the weights to start with are needed.
        say: called with packages that are installed, before that begins.

    The user's own code is used from a copy, as the run is going to.

    Raises:
        DistnetError: the job, its parts, its data and this machine do not fit together.
    """
    forget()
    code = own_code(file)
    used = use_packages(_requirements(file, packages), file.code_folder, say=say)
    with staged(file, code) as copied, watched_reads() as reads:
        plan = _plan(copied, code, workers=workers, inline=inline, is_new=is_new)
        outside = outside_files(reads) if code.files else {}
    own = {path: name for path, name in outside.items() if not path.startswith(f"{plan.dataset}/")}
    warn_of_unkept(plan.job_folder, [path for path in own if path in reads])
    return replace(plan, outside=own, packages=used.lines, packages_s=used.seconds)


def _requirements(file: JobFile, packages: Sequence[str] | None) -> Requirements:
    if packages is not None:
        return requirements_of_lines(packages)
    return requirements_of(file.job.packages, file.code_folder)


def _plan(file: JobFile, code: OwnCode, *, workers: int | None, inline: bool, is_new: bool) -> Plan:
    job = file.job
    refuse_inline_workers(workers, inline=inline)
    num_workers = 1 if inline else workers or job.resources.max_workers
    dataset = _dataset(file)
    data = None if dataset is None else read_manifest(dataset)
    refuse_misfits(file, data, num_workers, inline=inline)
    seen = None if data is None else _viewed(file, data)
    found = probe(file, seen)
    start = start_note(file, found.flat) if is_new else ""
    batches = None
    if dataset is not None and data is not None and not hasattr(found.task, "feed"):
        batches = plan_batches(file, dataset, data, found)
    device = "cuda" if job.resources.gpus else "cpu"
    precision = plan_precision(job, is_convolutional=found.is_convolutional)
    steps_per_epoch, rehearsed = _rehearsed(file, dataset, data, seen, found, batches, precision)
    steps = count_steps(job, steps_per_epoch)
    try_schedules(file, steps)
    check_callbacks(file)
    ranges = [own_slices(rank, num_workers, job.num_slices) for rank in range(num_workers)]
    return Plan(
        name=job.name,
        network=job.network.kind,
        num_parameters=found.num_parameters,
        input_shape=seen.fields["x"].shape if seen is not None and "x" in seen.fields else (),
        num_outputs=found.num_outputs,
        train_samples=batches.num_samples if batches is not None else 0,
        eval_samples=num_evaluated(job, data, found.task, file.code_folder),
        epochs=steps / steps_per_epoch,
        steps=steps,
        steps_per_epoch=steps_per_epoch,
        batch_size=job.train.batch_size,
        draws=found.draws,
        slices=job.num_slices,
        workers=num_workers,
        slices_per_worker=tuple((r.start, r.stop) for r in ranges),
        precision=precision,
        device=device,
        data_in_memory=_split_bytes(data, "train") <= job.data.memory,
        dataset="" if dataset is None else str(dataset.resolve()),
        job_folder=str(file.folder.resolve()),
        code=code.hashes,
        code_sha256=code.sha256,
        job_file=_hashes([file.path.resolve()]),
        outside={},
        memory_bytes=memory_of_worker(job, data, found, rehearsed, max(map(len, ranges))),
        eval_split=evaluation_split(job, data),
        final_split=final_split(job, data),
        final_samples=num_final(job, data, file.code_folder),
        baseline=plan_baseline(file, dataset, data, found.task),
        notes=tuple(filter(None, [start, split_note(job, data), *rehearsed.notes])),
        writes=_writes(job, code),
    )


def _rehearsed(  # noqa: PLR0917
    file: JobFile,
    dataset: Path | None,
    data: Manifest | None,
    seen: Manifest | None,
    found: Probe,
    batches: Batches | None,
    precision: str,
) -> tuple[int, Rehearsal]:
    """The steps of an epoch, and what a step and an evaluation of a few samples have shown."""
    with ExitStack() as stack:
        feed = None if batches is not None else _own_feed(file, found)
        if feed is not None:
            stack.callback(feed.close)
        is_bf16 = precision == "bf16" and not file.job.resources.gpus
        samples = FewSamples(file.job, file.code_folder, dataset, data, feed)
        subject = Subject(file, samples, found.task, found.flat, found.shadows, seen, is_bf16)
        counted = batches if feed is None else feed
        assert counted is not None
        return counted.steps_per_epoch, rehearse(subject)


def _own_feed(file: JobFile, found: Probe) -> Feed:
    make: Any = getattr(found.task, "feed", None)
    try:
        with own_errors(f"task {file.job.task.kind}"):
            return checked_feed(make(file.job))
    except PartError as error:
        raise file.fault("task", str(error)) from error


def _dataset(file: JobFile) -> Path | None:
    if file.job.data.source is None:
        return None
    try:
        return find_dataset(file.job.data.source, folder=file.folder)
    except DataError as error:
        raise file.fault("data.source", str(error)) from None


def _viewed(file: JobFile, data: Manifest) -> Manifest:
    """The manifest as the task sees it."""
    if file.job.data.view is not None:
        file.load_part("data.view")
    if file.job.data.sampler is not None:
        file.load_part("data.sampler")
    try:
        return viewed(data, build_view(file.job, data, file.code_folder))
    except DistnetError as error:
        raise file.fault("data.view", str(error)) from None


def _writes(job: Job, code: OwnCode) -> tuple[str, ...]:
    """What a run of this job leaves in its folder."""
    beside = [*(["code/"] if code.files else []), *(["trackers/"] if job.tracked_elsewhere else [])]
    found = [name for name in WRITTEN if name != "tensorboard/" or "tensorboard" in job.track]
    return (*found, *beside)


def _hashes(paths: Sequence[Path]) -> dict[str, str]:
    """The sha256 of those files that can be read."""
    found = {str(path): sha256_of(path) for path in paths}
    return {path: sha256 for path, sha256 in found.items() if sha256 is not None}


def _split_bytes(data: Manifest | None, split: str) -> int:
    return 0 if data is None else data.memory_bytes(split)
