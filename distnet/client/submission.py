"""Prepare a job file for submission from this machine: validated, with the job's own files.

What the server's machines could not find is resolved here: paths relative to the job file become
absolute, and the files of parts such as `./mynet.py:MyNet` are uploaded.
"""

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distnet.client.client import Client, Json
from distnet.client.code import Archive, pack
from distnet.data.shipped import find_dataset, shipped_datasets
from distnet.errors import DataError
from distnet.spec.read import JobFile, read_job
from distnet.spec.reading.yaml import decode


@dataclass(frozen=True)
class Submission:
    """A SubmitRequest and the archive that it names."""

    request: dict[str, Any]
    archive: Archive | None
    job_name: str

    def upload(self, client: Client) -> None:
        """Upload the archive, unless the server has it."""
        if self.archive is not None and not client.has_code(self.archive.sha256):
            client.put_code(self.archive.sha256, self.archive.data)

    def send(self, client: Client) -> list[Json]:
        """Queue it: a JobResponse for each of its jobs. Sending it again is the same submit.

        Raises:
            ServerError: the server refuses it; nothing is queued.
        """
        self.upload(client)
        return client.submit(self.request)


def prepare(
    job: Path | str,
    *,
    sets: Sequence[str] = (),
    after: Sequence[str] = (),
    start_from: str | None = None,
    sweep: Sequence[str] = (),
    **options: object,
) -> Submission:
    """Read and validate a job file, and make the request that submits it.

    Args:
        job: the job file.
        sets: overrides such as `train.epochs=3`.
        after: jobs that must have ended first, as `JOB` or `JOB:any`.
        start_from: a job whose newest checkpoint this one starts from; it waits for that job.
        sweep: each `KEY=1..10` or `KEY=a,b,c`; the server expands them.
        options: other fields of SubmitRequest; None leaves a field out.

    Raises:
        JobFileError: the job file is invalid; the message lists every fault.
        DistnetError: there are too many or too large files beside it.
    """
    file = read_job(job, overrides=sets)
    has_code = _has_own_parts(file) or any(".py:" in setting for setting in sweep)
    archive = pack(_folder(file)) if has_code else None
    waits_for = {name.partition(":")[0] for name in after}
    if start_from is not None and start_from not in waits_for:
        after = (*after, start_from)
    request = {
        "key": uuid.uuid4().hex,
        "spec": decode(file.path.read_bytes()),
        "file": str(job)[-200:],
        "sets": [*sets, *_absolute(file)],
        "after": list(after),
        "start_from": start_from,
        "sweep": list(sweep),
        "code": archive and archive.sha256,
        **options,
    }
    given = {key: value for key, value in request.items() if value is not None}
    return Submission(given, archive, file.job.name)


def _has_own_parts(file: JobFile) -> bool:
    """Whether network or task is the user's own file, which must be in the job file's folder."""
    own = [s for s in ("network", "task") if ".py" in getattr(file.job, s).kind]
    for section in own:
        path = Path(getattr(file.job, section).kind.rpartition(":")[0] or ".")
        is_inside = not path.is_absolute() and ".." not in path.parts
        if not is_inside:
            raise file.fault(
                f"{section}.kind",
                f"found {str(path)!r}, expected a file in the folder of the job file, which is "
                "uploaded with the job",
            )
        if not (_folder(file) / path).is_file():
            raise file.fault(
                f"{section}.kind",
                f"found no file {_folder(file) / path}, expected `{path}` beside the job file",
            )
    return bool(own)


def _absolute(file: JobFile) -> list[str]:
    """Overrides that make the relative paths of the job absolute."""
    source, store = file.job.data.source, file.job.checkpoint.store
    sets = []
    if source is not None and source not in shipped_datasets():
        if not os.path.isabs(
            source
        ):  # an absolute one may exist only on the machines of the cluster
            _require_dataset(source, file)
        sets += _override("data.source", source, file)
    if store is not None and ":" not in store.partition("/")[0]:  # not an address such as s3://...
        sets += _override("checkpoint.store", store, file)
    return sets


def _require_dataset(source: str, file: JobFile) -> None:
    try:
        find_dataset(source, folder=_folder(file))
    except DataError as error:
        raise file.fault("data.source", str(error)) from None


def _override(key: str, path: str, file: JobFile) -> list[str]:
    absolute = os.path.abspath(_folder(file) / Path(path).expanduser())
    return [] if absolute == path else [f"{key}='{absolute.replace(chr(39), chr(39) * 2)}'"]


def _folder(file: JobFile) -> Path:
    return Path(os.path.abspath(file.folder))
