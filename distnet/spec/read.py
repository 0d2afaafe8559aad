"""Read a job file: from YAML, and `--set` texts on top of it, to a frozen Job.

text -> Document -> overrides -> Job, or one error that lists every fault
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from distnet.errors import JobFileError, UnknownPartError
from distnet.spec.named_parts import named_parts
from distnet.spec.parts import Package, load_own_part, load_part
from distnet.spec.reading.faults import Fault, FaultsError, Key, Locations, dotted
from distnet.spec.reading.file import read_text
from distnet.spec.reading.overrides import Override, apply, read_override
from distnet.spec.reading.validation import faults_of
from distnet.spec.reading.yaml import Document, Value, read_yaml
from distnet.spec.sections.job import Job

MAX_VALUES = 10_000
"""Keys and items of a job file: the largest shipped one has 44, a table of 1,000 columns more."""

# A section that only `--set` mentions has the kind that it would have by default.
DEFAULT_KINDS: dict[str, Value] = {
    name: {"kind": field.default.kind}
    for name, field in Job.model_fields.items()
    if hasattr(field.default, "kind")
}


CACHED = 16
PACKAGES: dict[str, Package] = {
    "network": "networks",
    "task": "tasks",
    "data.view": "data/views",
    "data.sampler": "data/samplers",
}


@dataclass(frozen=True)
class JobFile:
    """A Job, and where each of its keys was written."""

    job: Job
    path: Path
    locations: Locations
    folder: Path
    """The folder that relative paths of the job file are relative to."""
    code: Path | None = None
    """A copy of the user's own code, to be used instead of what is in `folder` now."""

    @property
    def code_folder(self) -> Path:
        """Where the files of the user's own parts are."""
        return self.code or self.folder

    def fault(self, key: str, message: str) -> JobFileError:
        """Make the error for a fault that a later stage finds: `fault("data.source", "...")`."""
        return self.locations.error([Fault(_key(key), message)])

    def load_part(self, section: str) -> tuple[type[Any], dict[str, Any]]:
        """Load the class that a section of the job file names, and check its options.

        Args:
            section: a key of `named_parts`.

        Raises:
            UnknownPartError: there is no such part, or it cannot be loaded.
            JobFileError: an option is unknown or has a wrong value; all of them are listed.
        """
        part, folder = named_parts(self.job)[section], self.code_folder
        try:
            if section in PACKAGES:
                return load_part(PACKAGES[section], part, folder=folder)
            return load_own_part(part, folder=folder)
        except UnknownPartError as error:
            named = self.fault(f"{section}.kind", str(error))
            raise UnknownPartError(str(named)) from None
        except FaultsError as error:
            faults = [Fault((*_key(section), *fault.key), fault.message) for fault in error.faults]
            raise self.locations.error(faults) from None


def read_job(
    path: Path | str, *, overrides: Iterable[str] = (), folder: Path | None = None
) -> JobFile:
    """Read the job file at `path`, with overrides such as `train.epochs=3`.

    Its relative paths are relative to `folder`, by default the folder of the file.

    Raises:
        JobFileError: it cannot be read, or has faults; all of them are listed.
    """
    path = Path(path)
    text = read_text(path, what="job file", remedy="make one with: distnet init DATA")
    return read_job_text(text, path=path, overrides=overrides, folder=folder)


def read_job_text(
    text: str,
    *,
    path: Path = Path("job.yaml"),
    overrides: Iterable[str] = (),
    folder: Path | None = None,
) -> JobFile:
    """Read a job from the text of a job file; `path` names it in faults and need not exist.

    Raises:
        JobFileError: the text has faults; all of them are listed.
    """
    try:
        document = read_document(text)
    except FaultsError as error:
        raise Locations(str(path)).error(error.faults) from None
    changes = [read_override(override) for override in overrides]
    locations = located(path, document, changes)
    return JobFile(_job(document, changes, locations), path, locations, folder or path.parent)


@lru_cache(maxsize=CACHED)
def read_document(text: str) -> Document:
    """Parse a text once: all jobs of a sweep have the same one.

    Raises:
        FaultsError: it is not YAML, or larger than a job file.
    """
    return read_yaml(text, max_values=MAX_VALUES)


def located(path: Path, document: Document, changes: Iterable[Override]) -> Locations:
    """Where each key of a job is written: in its file, or in an override."""
    return Locations(str(path), document.lines, {dotted(c.key): c.text for c in changes})


def values_of(sections: dict[str, Value], changes: Sequence[Override]) -> dict[str, Value]:
    """The sections of a job file with some changes.

    Raises:
        JobFileError: a list has no such item.
    """
    touched = {change.key[0] for change in changes if len(change.key) > 1}
    kinds = {section: kind for section, kind in DEFAULT_KINDS.items() if section in touched}
    return apply(changes, kinds | sections)


def _job(document: Document, changes: list[Override], locations: Locations) -> Job:
    if not isinstance(document.value, dict):
        wrong = "found no sections, expected at least `name: ...` and `network: {kind: ...}`"
        raise locations.error([Fault((), wrong)])
    try:
        return Job.model_validate(values_of(document.value, changes))
    except ValidationError as error:
        raise locations.error(faults_of(error, Job)) from None


def _key(text: str) -> Key:
    return tuple(int(part) if part.isdecimal() else part for part in text.split("."))
