"""The parts that a job names, shipped ones and the user's own, by their keys in the job file."""

from distnet.spec.sections.job import Job
from distnet.spec.sections.section import Part


def named_parts(job: Job) -> dict[str, Part]:
    """List them as `network`, `data.view`, `players.generator.optimizer`, `callbacks.0`.

    Optimizers and schedules are parts only where they are the user's own.
    """
    found: dict[str, object] = {
        "network": job.network,
        "task": job.task,
        "data.view": job.data.view,
        "data.sampler": job.data.sampler,
        "optimizer": job.optimizer,
        "schedule": job.schedule,
    }
    for name, player in job.players.items():
        found[f"players.{name}.optimizer"] = player.optimizer
        found[f"players.{name}.schedule"] = player.schedule
    found |= {f"callbacks.{index}": each for index, each in enumerate(job.callbacks)}
    return {key: part for key, part in found.items() if isinstance(part, Part)}
