"""Texts that a trained network makes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from distnet.errors import RunError
from distnet.run_folder.write import write_whole
from distnet.spec.code.own_errors import own_errors
from distnet.spec.sections.job import Job
from distnet.tasks.task import Networks, Sampling, Task


def generated(  # noqa: PLR0917
    run: Path, job: Job, task: Task, networks: Networks, prompt: str, sampling: Mapping[str, Any]
) -> Iterator[str]:
    """Make an iterator of the pieces of the text that follows a prompt.

    Args:
        run: for errors.
        job: of the run.
        task: that of the job.
        networks: in evaluation mode.
        prompt: what the text follows.
        sampling: the arguments of `Sampling`.

    Raises:
        RunError: the task makes no texts, or the prompt or the sampling is impossible.
    """
    make: Any = getattr(task, "generate", None)
    if make is None:
        raise RunError(
            f"{run}: this run was trained with the task {job.task.kind}, which makes no texts; "
            "the task language-model does"
        )
    try:
        return _checked(make(networks, prompt, Sampling(**sampling)), f"task {job.task.kind}")
    except ValueError as error:
        raise RunError(f"{run}: {error}") from None


def require_file(run: Path, task: Task, file: Path) -> None:
    """Check that a generated text can be written there, before it is generated.

    Args:
        run: for errors.
        task: that of the run's job.
        file: the file.

    Raises:
        RunError: the task knows no such file.
        UnknownPartError: a package for such files is not installed.
    """
    check: Any = getattr(task, "require_file", lambda _: None)
    try:
        check(file.suffix)
    except ValueError as error:
        raise RunError(f"{file}: cannot be written by {run.name}: {error}") from None


def write_text(run: Path, task: Task, text: str, file: Path) -> None:
    """Write a generated text as a file, in the form that the suffix of its name says.

    Args:
        run: for errors.
        task: that of the run's job; what it cannot write is UTF-8 text.
        text: what was generated, with its prompt.
        file: the file.

    Raises:
        RunError: the task knows no such file, or it cannot be written.
        UnknownPartError: a package for such files is not installed.
    """
    to_file: Any = getattr(task, "to_file", None)
    try:
        content = text.encode() if to_file is None else to_file(text, file.suffix)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, content)
    except (KeyError, ValueError) as error:
        raise RunError(f"{file}: cannot be written by {run.name}: {error}") from None
    except OSError as error:
        raise RunError(f"{file}: cannot be written: {error.strerror}") from None


def _checked(pieces: Iterator[str], what: str) -> Iterator[str]:
    """Yield the pieces; errors of a user's own network or task show the user's lines."""
    with own_errors(what, is_any=False):
        yield from pieces
