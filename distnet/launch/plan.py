"""What a job will do, worked out and checked before anything is written or started."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from distnet.data.manifest import Manifest, read_manifest
from distnet.data.order import Batches
from distnet.data.shipped import find_dataset
from distnet.errors import DataError, NotEnoughResourcesError, RunError, UnknownPartError
from distnet.launch.best_metric import refuse_unknown_metric
from distnet.run_folder.paths import WRITTEN
from distnet.spec.read import JobFile
from distnet.spec.sections.job import Job
from distnet.train.checkpoint.store import check_store
from distnet.train.compute.flat import refuse_other_types
from distnet.train.compute.row import NUM_SUMS
from distnet.train.compute.trainee import build_network, build_task, count_steps, has_convolution
from distnet.train.exchange.tree import own_slices

OPTIMIZER_VECTORS = {"sgd": 1, "adam": 2, "adamw": 2, "lion": 1}
PROBE_SAMPLES = 2


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
    slices: int
    workers: int
    slices_per_worker: tuple[tuple[int, int], ...]
    precision: str
    device: str
    data_in_memory: bool
    dataset: str
    job_folder: str
    memory_bytes: dict[str, int]
    """By what it is for, of one worker."""
    writes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def make_plan(file: JobFile, *, workers: int | None = None, inline: bool = False) -> Plan:
    """Work out what `file` asks for.

    Args:
        file: the job file as read.
        workers: instead of the job's own number.
        inline: one worker, in this process.

    Raises:
        DistnetError: the job, its parts, its data and this machine do not fit one another.
    """
    job = file.job
    num_workers = 1 if inline else workers or job.resources.max_workers
    dataset = _dataset(file)
    manifest = read_manifest(dataset)
    _refuse_misfits(file, manifest, num_workers, inline=inline)
    batches = _batches(file, manifest)
    num_parameters, num_outputs, activations, is_convolutional = _probe(file, manifest)
    device = "cuda" if job.resources.gpus else "cpu"
    steps = count_steps(job, batches)
    ranges = [own_slices(rank, num_workers, job.num_slices) for rank in range(num_workers)]
    in_memory = _split_bytes(manifest, "train") <= job.data.memory
    return Plan(
        name=job.name,
        network=job.network.kind,
        num_parameters=num_parameters,
        input_shape=manifest.x.shape,
        num_outputs=num_outputs,
        train_samples=batches.num_samples,
        eval_samples=_num_samples(manifest, job.evaluate.split),
        epochs=steps / batches.steps_per_epoch,
        steps=steps,
        steps_per_epoch=batches.steps_per_epoch,
        batch_size=job.train.batch_size,
        slices=job.num_slices,
        workers=num_workers,
        slices_per_worker=tuple((r.start, r.stop) for r in ranges),
        precision=choose_precision(job.train.precision, device, is_convolutional),
        device=device,
        data_in_memory=in_memory,
        dataset=str(dataset.resolve()),
        job_folder=str(file.folder.resolve()),
        memory_bytes=_memory(job, manifest, num_parameters, activations, max(map(len, ranges))),
        writes=WRITTEN,
    )


def choose_precision(asked: str, device: str, is_convolutional: bool) -> str:
    """Settle `auto`: bf16 for convolutions where the hardware multiplies bf16 by itself."""
    if asked != "auto":
        return asked
    if device == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if is_convolutional and _cpu_has_bf16() else "fp32"


def _cpu_has_bf16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text().split("flags", 1)[1].split("\n", 1)[0].split()
    except (OSError, IndexError):
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _refuse_misfits(file: JobFile, manifest: Manifest, num_workers: int, *, inline: bool) -> None:
    """Refuse what the job asks for and its slices, its data or this machine cannot give."""
    job = file.job
    if num_workers > job.num_slices:
        raise file.fault(
            "train.slices",
            f"{num_workers} workers asked for, but a batch is cut into {job.num_slices} slices and "
            f"a worker needs one; set train.slices to {num_workers} or more (a multiple is best)",
        )
    try:
        check_store(job.checkpoint.store, job_folder=file.folder)
    except RunError as error:
        raise file.fault("checkpoint.store", str(error)) from None
    if job.data.augment and manifest.x.kind != "image":
        raise file.fault(
            "data.augment", "found augmentations, but this dataset holds vectors; leave them out"
        )
    if job.resources.gpus and inline and not torch.cuda.is_available():
        found = f"found {job.resources.gpus}, but this machine has no GPU that torch can use"
        raise NotEnoughResourcesError(str(file.fault("resources.gpus", f"{found}; set it to 0")))


def _dataset(file: JobFile) -> Path:
    try:
        return find_dataset(file.job.data.source, folder=file.folder)
    except DataError as error:
        raise file.fault("data.source", str(error)) from None


def _batches(file: JobFile, manifest: Manifest) -> Batches:
    job = file.job
    if "train" not in manifest.splits:
        raise file.fault(
            "data.source",
            f"found the splits {', '.join(manifest.splits)}, expected one named train",
        )
    num_samples = manifest.splits["train"].num_samples
    if num_samples < job.num_slices:
        raise file.fault(
            "train.slices",
            f"found {job.num_slices} slices, but the dataset has {num_samples} training samples; "
            "use fewer workers and slices",
        )
    if job.evaluate.split not in manifest.splits and "split" in job.evaluate.model_fields_set:
        raise file.fault(
            "evaluate.split",
            f"found {job.evaluate.split!r}, expected one of {', '.join(manifest.splits)}",
        )
    return Batches(num_samples, job.train.batch_size, job.num_slices)


def _probe(file: JobFile, manifest: Manifest) -> tuple[int, int, int, bool]:
    """Make the network and send two blank samples through it.

    Returns:
        Parameters, outputs, numbers that one sample leaves in the layers, has convolutions.
    """
    job = file.job
    file.load_part("task")
    file.load_part("network")
    try:
        task = build_task(job.task, manifest, file.folder)
    except UnknownPartError as error:
        raise file.fault("task", str(error)) from None
    refuse_unknown_metric(file, manifest, task)
    try:
        network = build_network(job, manifest, task.num_outputs, file.folder)
    except UnknownPartError as error:
        raise file.fault("network", str(error)) from None
    try:
        refuse_other_types(network)
    except UnknownPartError as error:
        raise file.fault("network.kind", str(error)) from None
    num_parameters = sum(p.numel() for p in network.parameters())
    if not any(p.requires_grad for p in network.parameters()):
        raise file.fault("network.kind", "found a network without a trainable parameter")
    activations = _count_activations(file, network, manifest, task.num_outputs)
    _refuse_tiny_slices(file, network, manifest)
    return num_parameters, task.num_outputs, activations, has_convolution(network)


def _count_activations(
    file: JobFile, network: nn.Module, manifest: Manifest, num_outputs: int
) -> int:
    numbers = 0

    def count(_: nn.Module, __: Any, output: Any) -> None:
        nonlocal numbers
        numbers += output.numel() if isinstance(output, torch.Tensor) else 0

    leaves = [m for m in network.modules() if not list(m.children())]
    hooks = [leaf.register_forward_hook(count) for leaf in leaves]
    shape = (PROBE_SAMPLES, *manifest.x.shape)
    try:
        with torch.no_grad():
            output = network.eval()(torch.zeros(shape))
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise file.fault(
            "network", f"cannot take inputs {list(shape[1:])} of this dataset: {_first_line(error)}"
        ) from None
    finally:
        for hook in hooks:
            hook.remove()
    expected = (PROBE_SAMPLES, num_outputs)
    if not isinstance(output, torch.Tensor) or tuple(output.shape) != expected:
        found = list(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise file.fault(
            "network",
            f"for {PROBE_SAMPLES} samples it gives {found}, but the task needs {list(expected)}",
        )
    return numbers // PROBE_SAMPLES


def _refuse_tiny_slices(file: JobFile, network: nn.Module, manifest: Manifest) -> None:
    """Batch normalisation cannot compute a deviation from one sample."""
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    smallest = _batches(file, manifest).smallest_slice // file.job.train.accumulate
    if smallest < 2 and any(isinstance(m, norms) for m in network.modules()):
        raise file.fault(
            "train.batch_size",
            "found pieces of a slice with 1 sample, but batch normalisation needs 2; "
            "use a larger batch_size, fewer slices, or a smaller accumulate",
        )


def _memory(
    job: Job, manifest: Manifest, num_parameters: int, activations: int, own: int
) -> dict[str, int]:
    slice_samples = -(-job.train.batch_size // job.num_slices // job.train.accumulate)
    splits: Sequence[str] = ("train", job.evaluate.split)
    sizes = [_split_bytes(manifest, s) for s in splits if s in manifest.splits]
    optimizer = 4 * num_parameters * OPTIMIZER_VECTORS[job.optimizer.kind]
    # Of the worker that writes checkpoints. To rewind, a state is kept, and goes into them too.
    num_states = 3 if job.train.on_nonfinite == "rewind" else 1
    memory = {
        "weights": 4 * num_parameters,
        "gradients": 4 * (num_parameters + NUM_SUMS) * (own + 2),
        "optimizer": optimizer,
        "snapshot": num_states * (4 * num_parameters + optimizer),
        "activations": 4 * activations * slice_samples * 2,
        "data": sum(min(size, job.data.memory) for size in sizes),
    }
    return memory | {"total": sum(memory.values())}


def _num_samples(manifest: Manifest, split: str) -> int:
    return manifest.splits[split].num_samples if split in manifest.splits else 0


def _split_bytes(manifest: Manifest, split: str) -> int:
    return _num_samples(manifest, split) * manifest.x.num_bytes


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
