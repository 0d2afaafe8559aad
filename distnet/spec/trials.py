"""Read the job files of a sweep: the same text, of which each trial changes a few keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from distnet.errors import JobFileError
from distnet.spec.read import JobFile, located, read_document, read_job_text, values_of
from distnet.spec.reading.overrides import Override, read_override
from distnet.spec.reading.yaml import Document, Value
from distnet.spec.sections.job import Job


@dataclass(frozen=True)
class _Shared:
    """What the trials have in common that change the same sections."""

    document: Document
    sections: dict[str, Value]
    """Its value."""
    sets: list[Override]
    changed: frozenset[str]
    """Sections that the trials change."""
    others: dict[str, object]
    """Other sections as they were validated, or by default."""


class Trials:
    """The trials of a sweep.

    A trial is validated as a whole, because a key may not fit another one, but sections that are as
    in the trial before are taken over as they were validated there.

    Args:
        text: of the job file.
        path: its name, for faults.
        sets: the overrides that all trials have.
    """

    def __init__(self, text: str, *, path: Path, sets: Sequence[str]) -> None:
        self._text, self._path, self._sets = text, path, tuple(sets)
        self._folder = path.parent
        self._shared: _Shared | None = None

    def read(self, overrides: Sequence[str]) -> JobFile:
        """Read the trial with some overrides, as `read_job_text` does.

        Raises:
            JobFileError: it has faults; all of them are listed.
        """
        file = self._like_the_one_before(overrides)
        if file is None:
            texts = (*self._sets, *overrides)
            file = read_job_text(self._text, path=self._path, overrides=texts)
            self._share(file.job, overrides)
        return file

    def _like_the_one_before(self, overrides: Sequence[str]) -> JobFile | None:
        """Read a trial with what was validated before; None if it changes others, or has faults."""
        shared = self._shared
        if shared is None or _sections(overrides) != shared.changed:
            return None
        try:
            changes = [*shared.sets, *map(read_override, overrides)]
            values = values_of(shared.sections, changes)
            job = Job.model_validate(values | shared.others)
        except (JobFileError, ValidationError):
            return None
        locations = located(self._path, shared.document, changes)
        return JobFile(job, self._path, locations, self._folder)

    def _share(self, job: Job, overrides: Sequence[str]) -> None:
        document, changed = read_document(self._text), _sections(overrides)
        assert isinstance(document.value, dict), "the job is valid"
        sets = [read_override(text) for text in self._sets]
        given = values_of(document.value, sets)
        validated = {
            name: value
            for name, value in job
            if name not in changed and (isinstance(value, BaseModel) or name not in given)
        }
        self._shared = _Shared(document, document.value, sets, changed, validated)


def _sections(overrides: Sequence[str]) -> frozenset[str]:
    """The sections that some overrides change."""
    return frozenset(text.partition("=")[0].partition(".")[0].strip() for text in overrides)
