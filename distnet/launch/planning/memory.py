"""How much memory a worker needs, by use.

Letters: S slices, m sums of an evaluation.
"""

from distnet.data.evaluation_split import evaluation_split, final_split
from distnet.data.folds import stored_split
from distnet.data.manifest import Manifest
from distnet.launch.rehearsal.probe import Probe
from distnet.launch.rehearsal.rehearsal import Rehearsal
from distnet.spec.sections.job import Job

OPTIMIZER_VECTORS = {"sgd": 1, "adam": 2, "adamw": 2, "lion": 1}


def memory_of_worker(
    job: Job, data: Manifest | None, found: Probe, rehearsed: Rehearsal, own: int
) -> dict[str, int]:
    """Estimate the bytes of one worker that computes `own` slices, and their `total`."""
    slice_samples = -(-job.train.batch_size // job.num_slices // job.train.accumulate)
    weights = 4 * found.num_parameters
    vectors = OPTIMIZER_VECTORS.get(job.optimizer.kind, 0) + len(found.shadows)
    optimizer = weights * vectors + rehearsed.optimizer_bytes
    # Of the worker that writes checkpoints. To rewind, a state is kept, and goes into them too.
    num_states = 3 if job.train.on_nonfinite == "rewind" else 1
    splits = {"train", evaluation_split(job, data), final_split(job, data)}
    sizes = [
        0 if data is None or not s else data.memory_bytes(stored_split(job, s)) for s in splits
    ]
    memory = {
        "weights": weights,
        "gradients": 4 * found.row_length * (own + 2),
        "optimizer": optimizer,
        "snapshot": num_states * (weights + optimizer),
        "activations": 4 * rehearsed.num_activations * slice_samples * 2,
        "evaluation": _evaluation(job, data, rehearsed),
        "data": sum(min(size, job.data.memory) for size in sizes) + own * rehearsed.slice_bytes,
    }
    return memory | {"total": sum(memory.values())}


def _evaluation(job: Job, data: Manifest | None, rehearsed: Rehearsal) -> int:
    """The sums of all slices [S, m], what is collected, and the largest layer of a batch twice."""
    split = evaluation_split(job, data)
    stored = stored_split(job, split) if split else ""
    num_samples = data.splits[stored].num_samples if data is not None and stored else 0
    if not rehearsed.num_sums:
        return 0
    sums = 8 * (job.num_slices + 1) * rehearsed.num_sums
    collected = 3 * rehearsed.num_collected * num_samples  # in parts, joined, counted
    layers = 2 * 4 * rehearsed.largest_layer * min(job.evaluate.batch_size, num_samples)
    return round(sums + collected + layers)
