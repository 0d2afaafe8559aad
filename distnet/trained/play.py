"""Episodes that a trained network plays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distnet.errors import RunError
from distnet.spec.code.own_errors import own_errors
from distnet.spec.sections.job import Job
from distnet.tasks.task import Episode, Networks, Task, Watch


def played(  # noqa: PLR0917
    run: Path,
    job: Job,
    task: Task,
    networks: Networks,
    episodes: int,
    seed: int | None,
    watch: Watch | None,
) -> Iterator[Episode]:
    """Play whole episodes, each from a beginning of its own.

    Args:
        run: for errors.
        job: of the run.
        task: that of the job.
        networks: in evaluation mode.
        episodes: how many.
        seed: of their beginnings; None: the job's, as in its evaluations.
        watch: sees the first episode.

    Raises:
        RunError: the task plays nothing, or the episodes are fewer than one.
    """
    play: Any = getattr(task, "play", None)
    if play is None:
        raise RunError(
            f"{run}: this run was trained with the task {job.task.kind}, which plays nothing; "
            "the task deep-q does"
        )
    if episodes < 1:
        raise RunError(f"{run}: found {episodes} episodes to play, expected 1 or more")
    seed = job.train.seed if seed is None else seed
    return _checked(
        play(networks, seed=seed, episodes=episodes, watch=watch), f"task {job.task.kind}"
    )


def _checked(episodes: Iterator[Episode], what: str) -> Iterator[Episode]:
    """Yield the episodes; errors of a user's own network or task show the user's lines."""
    with own_errors(what, is_any=False):
        yield from episodes
