"""Refuse jobs whose sections do not fit one another, the data, the network or this machine."""

from fnmatch import fnmatchcase
from importlib.util import find_spec

from distnet.data.evaluation_split import SET_ASIDE, evaluation_split
from distnet.data.fields.field import Field
from distnet.data.manifest import Manifest
from distnet.errors import NotEnoughResourcesError, RunError
from distnet.spec.metric import LOSS
from distnet.spec.plural import counted
from distnet.spec.read import JobFile
from distnet.spec.reading.faults import unknown
from distnet.spec.sections.augmentation import Crop, RandAugment, Shift, Transpose
from distnet.tasks.per_sample import PerSample
from distnet.tasks.task import Task
from distnet.train.checkpoint.store import check_store
from distnet.train.device.device import count_gpus, describe_gpus
from distnet.train.inventory.flat import FlatNetwork

MOST_NAMED = 8
REMEDY = f"remove this key, or set samples aside with: {SET_ASIDE}"


def refuse_misfits(file: JobFile, data: Manifest | None, num_workers: int, *, inline: bool) -> None:
    """Refuse what the job's slices, its data or this machine do not allow.

    Raises:
        DistnetError: one of them does not.
    """
    job = file.job
    if num_workers > job.num_slices:
        raise file.fault(
            "train.slices",
            f"found {num_workers} workers for {counted(job.num_slices, 'slice')} of a batch, but "
            f"every worker needs one; set train.slices to {num_workers} or more (a multiple is "
            "best)",
        )
    try:
        check_store(job.checkpoint.store, job_folder=file.folder)
    except RunError as error:
        raise file.fault("checkpoint.store", str(error)) from None
    _refuse_split(file, data)
    _refuse_missing_trackers(file)
    for index, step in enumerate(job.data.augment):
        kind, what = ("music", "music") if isinstance(step, Transpose) else ("image", "images")
        if not _has(kind, data):
            fault = f"found {step.kind}, but this job has no {what}; remove it"
            raise file.fault(f"data.augment.{index}", fault)
    _refuse_large_shifts(file, data)
    if job.resources.gpus and inline and not count_gpus():
        found = f"{describe_gpus()}; set it to 0"
        raise NotEnoughResourcesError(str(file.fault("resources.gpus", found)))


def _refuse_missing_trackers(file: JobFile) -> None:
    """Refuse a tracker whose client is not installed."""
    for index, kind in enumerate(file.job.track):
        if kind != "tensorboard" and find_spec(kind) is None:
            raise file.fault(
                f"track.{index}",
                f"found {kind}, whose client is not installed; install it with: "
                f"pip install 'distnet[{kind}]'",
            )


def refuse_inline_workers(workers: int | None, *, inline: bool) -> None:
    """Refuse several workers for a run in this process.

    Raises:
        RunError: there is more than one.
    """
    if inline and workers is not None and workers != 1:
        raise RunError(
            f"--inline: found --workers {workers} beside it, expected none, as --inline trains all "
            f"slices in this process; for {workers} processes leave --inline out"
        )


def refuse_unknown_metric(file: JobFile, data: Manifest | None, task: Task) -> None:
    """Refuse to keep checkpoints, or to stop early, by a metric that the task does not measure.

    Raises:
        JobFileError: the evaluation does not measure it, or nothing is evaluated.
    """
    best, early = file.job.checkpoint, file.job.train.early_stopping
    wanted = {}
    if best.keep_best:
        wanted["checkpoint.keep_best"] = ("checkpoint.best_metric", best.best_metric)
    if early is not None:
        wanted["train.early_stopping"] = ("train.early_stopping.metric", early.metric)
    is_measured = hasattr(task, "evaluation_feed") or evaluation_split(file.job, data) is not None
    names = [LOSS.name, *(m.name for m in task.metrics)]
    for section, (key, metric) in wanted.items():
        if not is_measured:
            raise file.fault(section, f"the dataset has no split to evaluate on; {REMEDY}")
        if metric is not None and metric not in names:
            raise file.fault(key, unknown("metric", metric, names))


def refuse_unknown_parameter(file: JobFile, flat: FlatNetwork) -> None:
    """Refuse a pattern of `no_decay` or of a group that no parameter matches.

    Raises:
        JobFileError: there is one.
    """
    job = file.job
    sections = {"optimizer": job.optimizer}
    sections |= {
        f"players.{name}.optimizer": player.optimizer
        for name, player in job.players.items()
        if player.optimizer is not None
    }
    names = [name for name, _ in flat.network.named_parameters(remove_duplicate=False)]
    for section, optimizer in sections.items():
        patterns = [(f"{section}.no_decay", pattern) for pattern in optimizer.no_decay]
        groups = enumerate(optimizer.groups)
        patterns += [(f"{section}.groups.{index}.match", group.match) for index, group in groups]
        for key, pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                more = ", ..." if len(names) > MOST_NAMED else ""
                shown = ", ".join(names[:MOST_NAMED]) + more
                raise file.fault(
                    key, f"found {pattern}, which matches no parameter; there are: {shown}"
                )


def refuse_unmixable(file: JobFile, data: Manifest | None, task: Task) -> None:
    """Refuse to mix samples that cannot be mixed.

    Raises:
        JobFileError: the task has not one target a sample, or the inputs have not one shape.
    """
    mix, x = file.job.data.mix, data.fields.get("x") if data else None
    if mix is None:
        return
    if not isinstance(task, PerSample):
        raise file.fault(
            "data.mix",
            f"found it beside task {file.job.task.kind}, expected a task with one target a sample, "
            "such as classify or regress; remove it",
        )
    kind = None if x is None else x.kind
    if x is None or not (_is_sized(x) or kind == "vector"):
        found = f"inputs of kind {kind}" if x is None or kind != "image" else "images of any size"
        raise file.fault("data.mix", f"found {found}, expected vectors or images of one size")
    if mix.cutmix is not None and kind != "image":
        raise file.fault("data.mix.cutmix", f"found inputs of kind {kind}, expected images")


def refuse_rand_augment(file: JobFile, data: Manifest | None) -> None:
    """Refuse RandAugment where something lies on the images, or torchvision cannot change them.

    Raises:
        JobFileError: a mask, boxes or another image would have to move with them.
    """
    fields = {} if data is None else data.fields
    lying = [n for n, f in fields.items() if n != "x" and f.kind in ("image", "mask", "boxes")]
    channels = [f.shape[0] for f in fields.values() if f.kind == "image"]
    for index, step in enumerate(file.job.data.augment):
        if not isinstance(step, RandAugment):
            continue
        key = f"data.augment.{index}"
        if lying:
            fault = (
                f"found rand-augment, with which {lying[0]} does not move; use rotate and jitter"
            )
            raise file.fault(key, fault)
        if channels[0] not in (1, 3):
            fault = f"found images of {channels[0]} channels, expected 1 or 3 for rand-augment"
            raise file.fault(key, fault)


def _refuse_split(file: JobFile, data: Manifest | None) -> None:
    if data is None:
        return
    evaluate = file.job.evaluate
    for key, split in {"split": evaluate.split, "final": evaluate.final}.items():
        if split is not None and split not in data.splits:
            expected = f"one of {', '.join(data.splits)}"
            raise file.fault(f"evaluate.{key}", f"found {split!r}, expected {expected}")


def _refuse_large_shifts(file: JobFile, data: Manifest | None) -> None:
    """Refuse shifts after which nothing of an image may be left."""
    sides = [min(f.shape[1:]) for f in data.fields.values() if _is_sized(f)] if data else []
    for index, step in enumerate(file.job.data.augment):
        key, pixels = "", 0
        if isinstance(step, Crop):
            key, pixels = "padding", step.padding
        elif isinstance(step, Shift):
            key, pixels = "pixels", step.pixels
        if sides and pixels >= min(sides):
            raise file.fault(
                f"data.augment.{index}.{key}",
                f"found {pixels}, but the images have only {min(sides)} pixels along an axis, so "
                "nothing may be left of them; use less",
            )


def _is_sized(field: Field) -> bool:
    """Whether all images of a field have one size."""
    return field.kind == "image" and len(field.shape) == 3


def _has(kind: str, data: Manifest | None) -> bool:
    return data is not None and any(field.kind == kind for field in data.fields.values())
