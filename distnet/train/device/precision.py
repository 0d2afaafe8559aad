"""Which number format a network computes in: decided by all workers, once in a run.

`auto` depends on the hardware, and that of the launcher is not that of the workers. The first
attempt decides, and writes the decision to the run's plan: attempts after it compute in the same
format, wherever they run.
"""

from collections.abc import Sequence

from distnet.errors import NotEnoughResourcesError
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object
from distnet.run_folder.write import write_json
from distnet.spec.sections.job import Job
from distnet.train.device.fingerprint import Fingerprint

AUTO = "auto"
TF32_CAPABILITY = 8.0
"""NVIDIA's Ampere: the first GPUs with TF32."""


def plan_precision(job: Job, *, is_convolutional: bool) -> str:
    """The format as far as the job alone decides it; `auto` where the hardware decides."""
    requested = job.train.precision
    if requested != AUTO:
        return requested
    on_cpu = not job.resources.gpus
    if job.train.bits == "portable" or (on_cpu and not is_convolutional):
        return "fp32"
    return AUTO


def decide_precision(planned: str, workers: Sequence[Fingerprint]) -> str:
    """`fp32`, `tf32` or `bf16`: the same for all workers.

    Args:
        planned: `auto` takes bf16 where the hardware of every worker multiplies it by itself.
        workers: the fingerprints of all of them.

    Raises:
        NotEnoughResourcesError: a worker's GPU has no TF32.
    """
    if planned == "tf32":
        _require_tf32(workers)
    if planned != AUTO:
        return planned
    return "bf16" if all(worker.bf16 for worker in workers) else "fp32"


def planned_precision(assignment: Assignment) -> str:
    """The format of an attempt; `auto` if that depends on the hardware and none has decided it.

    Raises:
        RunError: the plan of the run cannot be read.
    """
    if assignment.precision != AUTO:
        return assignment.precision
    return str(read_object(assignment.folder.plan).get("precision", AUTO))


def keep_decision(folder: RunFolder, precision: str) -> None:
    """Write the decision to the plan of the run.

    Raises:
        RunError: it cannot be written.
    """
    plan = read_object(folder.plan)
    if plan.get("precision") == AUTO:
        write_json(folder.plan, plan | {"precision": precision})


def _require_tf32(workers: Sequence[Fingerprint]) -> None:
    for rank, worker in enumerate(workers):
        if not _has_tf32(worker):
            raise NotEnoughResourcesError(
                f"train.precision: found tf32, but worker {rank} computes on {worker}; TF32 needs "
                "an NVIDIA GPU of capability 8.0 or higher (Ampere); set train.precision to fp32"
            )


def _has_tf32(worker: Fingerprint) -> bool:
    try:
        return float(worker.capability) >= TF32_CAPABILITY
    except ValueError:  # a CPU, or an AMD GPU, whose capability is not a number
        return False
