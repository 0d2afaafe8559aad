"""The plan of a job, made and checked before anything is written or started."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distnet.data.manifest import Manifest, read_manifest
from distnet.data.opening import build_order, build_view, viewed
from distnet.data.order import Batches
from distnet.data.shipped import find_dataset
from distnet.errors import DataError, DistnetError, NotEnoughResourcesError, RunError
from distnet.launch.probe import Probe, probe
from distnet.launch.staging import staged
from distnet.run_folder.paths import WRITTEN
from distnet.spec.code.collect import OwnCode, own_code
from distnet.spec.read import JobFile
from distnet.spec.sections.job import Job
from distnet.train.checkpoint.store import check_store
from distnet.train.compute.trainee import count_steps
from distnet.train.device.device import count_gpus, describe_gpus
from distnet.train.device.precision import plan_precision
from distnet.train.exchange.tree import own_slices
from distnet.train.feed import Feed

OPTIMIZER_VECTORS = {"sgd": 1, "adam": 2, "adamw": 2, "lion": 1}


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
    memory_bytes: dict[str, int]
    """Of one worker, by use."""
    writes: tuple[str, ...]

    @property
    def dataset_folder(self) -> Path | None:
        """The folder of the dataset, if there is one."""
        return Path(self.dataset) if self.dataset else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def make_plan(file: JobFile, *, workers: int | None = None, inline: bool = False) -> Plan:
    """Plan the run of a job.

    Args:
        file: the job file as read.
        workers: instead of the job's own number.
        inline: one worker, in this process.

    The user's own code is used from a copy, as the run is going to.

    Raises:
        DistnetError: the job, its parts, its data and this machine do not fit together.
    """
    code = own_code(file)
    with staged(file, code) as copied:
        return _plan(copied, code, workers=workers, inline=inline)


def _plan(file: JobFile, code: OwnCode, *, workers: int | None, inline: bool) -> Plan:
    job = file.job
    num_workers = 1 if inline else workers or job.resources.max_workers
    dataset = _dataset(file)
    data = None if dataset is None else read_manifest(dataset)
    _refuse_misfits(file, data, num_workers, inline=inline)
    seen = None if data is None else _viewed(file, data)
    found = probe(file, seen)
    batches = None
    if dataset is not None and data is not None:
        batches = _batches(file, dataset, data, found)
    steps_per_epoch = _steps_per_epoch(file, batches, found)
    device = "cuda" if job.resources.gpus else "cpu"
    steps = count_steps(job, steps_per_epoch)
    ranges = [own_slices(rank, num_workers, job.num_slices) for rank in range(num_workers)]
    return Plan(
        name=job.name,
        network=job.network.kind,
        num_parameters=found.num_parameters,
        input_shape=seen.fields["x"].shape if seen is not None and "x" in seen.fields else (),
        num_outputs=found.num_outputs,
        train_samples=batches.num_samples if batches is not None else 0,
        eval_samples=_num_samples(data, job.evaluate.split),
        epochs=steps / steps_per_epoch,
        steps=steps,
        steps_per_epoch=steps_per_epoch,
        batch_size=job.train.batch_size,
        draws=found.draws,
        slices=job.num_slices,
        workers=num_workers,
        slices_per_worker=tuple((r.start, r.stop) for r in ranges),
        precision=plan_precision(job, is_convolutional=found.is_convolutional),
        device=device,
        data_in_memory=_split_bytes(data, "train") <= job.data.memory,
        dataset="" if dataset is None else str(dataset.resolve()),
        job_folder=str(file.folder.resolve()),
        code=code.hashes,
        code_sha256=code.sha256,
        memory_bytes=_memory(job, data, found, max(map(len, ranges))),
        writes=(*WRITTEN, *(["code/"] if code.files else [])),
    )


def _refuse_misfits(
    file: JobFile, data: Manifest | None, num_workers: int, *, inline: bool
) -> None:
    """Refuse what the job's slices, its data or this machine do not allow."""
    job = file.job
    if num_workers > job.num_slices:
        raise file.fault(
            "train.slices",
            f"found {num_workers} workers for {job.num_slices} slices of a batch, but every worker "
            f"needs one; set train.slices to {num_workers} or more (a multiple is best)",
        )
    try:
        check_store(job.checkpoint.store, job_folder=file.folder)
    except RunError as error:
        raise file.fault("checkpoint.store", str(error)) from None
    is_given = "split" in job.evaluate.model_fields_set
    if data is not None and is_given and job.evaluate.split not in data.splits:
        raise file.fault(
            "evaluate.split",
            f"found {job.evaluate.split!r}, expected one of {', '.join(data.splits)}",
        )
    if job.data.augment and not _has_images(data):
        raise file.fault(
            "data.augment", "found augmentations, but this job has no images; remove them"
        )
    if job.resources.gpus and inline and not count_gpus():
        found = f"{describe_gpus()}; set it to 0"
        raise NotEnoughResourcesError(str(file.fault("resources.gpus", found)))


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


def _num_train_samples(file: JobFile, dataset: Path, data: Manifest) -> int:
    job = file.job
    try:
        folder, seed = file.code_folder, job.train.seed
        order = build_order(job, dataset, data, "train", folder=folder, seed=seed)
    except DistnetError as error:
        key = "data.memory" if isinstance(error, DataError) else "data.sampler"
        raise file.fault(key, str(error)) from None
    return order.num_samples


def _batches(file: JobFile, dataset: Path, data: Manifest, found: Probe) -> Batches:
    job = file.job
    if "train" not in data.splits:
        raise file.fault(
            "data.source",
            f"found the splits {', '.join(data.splits)}, expected one named train",
        )
    num_samples = _num_train_samples(file, dataset, data)
    if num_samples < job.num_slices * found.draws:
        raise file.fault(
            "train.slices",
            f"found {job.num_slices} slices, but the dataset has {num_samples} training samples; "
            "use fewer workers and slices",
        )
    batches = Batches(num_samples, job.train.batch_size * found.draws, job.num_slices)
    _refuse_tiny_slices(file, batches, found)
    return batches


def _steps_per_epoch(file: JobFile, batches: Batches | None, found: Probe) -> int:
    if batches is not None:
        return batches.steps_per_epoch
    make: Any = getattr(found.task, "feed", None)
    feed: Feed = make(file.job)
    try:
        return feed.steps_per_epoch
    finally:
        feed.close()


def _refuse_tiny_slices(file: JobFile, batches: Batches, found: Probe) -> None:
    """Batch normalisation cannot compute a deviation from one sample."""
    smallest = batches.smallest_slice // found.draws // file.job.train.accumulate
    if smallest < 2 and found.has_batch_norm:
        raise file.fault(
            "train.batch_size",
            "found pieces of a slice with 1 sample, but batch normalisation needs 2; "
            "use a larger batch_size, fewer slices, or a smaller accumulate",
        )


def _memory(job: Job, data: Manifest | None, found: Probe, own: int) -> dict[str, int]:
    slice_samples = -(-job.train.batch_size // job.num_slices // job.train.accumulate)
    sizes = [_split_bytes(data, split) for split in ("train", job.evaluate.split)]
    weights = 4 * found.num_parameters
    optimizer = weights * (OPTIMIZER_VECTORS[job.optimizer.kind] + found.num_shadows)
    # Of the worker that writes checkpoints. To rewind, a state is kept, and goes into them too.
    num_states = 3 if job.train.on_nonfinite == "rewind" else 1
    memory = {
        "weights": weights,
        "gradients": 4 * found.row_length * (own + 2),
        "optimizer": optimizer,
        "snapshot": num_states * (weights + optimizer),
        "activations": 4 * found.num_activations * slice_samples * 2,
        "data": sum(min(size, job.data.memory) for size in sizes),
    }
    return memory | {"total": sum(memory.values())}


def _has_images(data: Manifest | None) -> bool:
    return data is not None and any(field.kind == "image" for field in data.fields.values())


def _num_samples(data: Manifest | None, split: str) -> int:
    return data.splits[split].num_samples if data is not None and split in data.splits else 0


def _split_bytes(data: Manifest | None, split: str) -> int:
    return 0 if data is None else data.memory_bytes(split)
