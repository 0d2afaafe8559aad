"""Prepare a job file for submission from this machine: validated, with the job's own files.

What the server's machines could not find is resolved here. Paths relative to the job file become
absolute, and what the job has on this machine is uploaded. That is its own code (parts such as
`./mynet.py:MyNet`, what these import, and its `files`), and its dataset, unless the server's
machine sees that under the same path.
"""

import json
import os
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeGuard

from distnet.client.client import Client, Json
from distnet.client.code import Archive, pack
from distnet.client.datasets import LocalDataset, Progress, open_dataset, push
from distnet.client.refusal import NO_REPLY
from distnet.data.manifest import MANIFEST
from distnet.data.shipped import find_dataset
from distnet.errors import DataError
from distnet.protocol.errors import UnavailableError
from distnet.spec.code.collect import own_code
from distnet.spec.code.names import ROOT, UP, file_of, stored_name
from distnet.spec.content import content_of
from distnet.spec.parts import shipped_datasets
from distnet.spec.read import PACKAGES, JobFile, read_job
from distnet.spec.reading.yaml import decode
from distnet.spec.sweep import expand

WORD = re.compile(r"[^\s,=\[\]{}'\"]+")
"""A value in the text of a sweep."""


@dataclass(frozen=True)
class Submission:
    """A SubmitRequest, and what it names on this machine."""

    request: dict[str, Any]
    archive: Archive | None
    dataset: LocalDataset | None
    job_name: str
    num_jobs: int = 1

    def upload(self, client: Client, on_progress: Progress | None = None) -> "Submission":
        """Upload what the server lacks; returns the submission as the server's machines read it.

        Raises:
            DataError: a shard of the dataset is not as its manifest says.
            ServerError: the server refuses it.
        """
        if self.archive is not None and not client.has_code(self.archive.sha256):
            client.put_code(self.archive.sha256, self.archive.data)
        dataset = self.dataset
        if dataset is None or client.mounts_dataset(dataset.sha256, str(dataset.folder)):
            return replace(self, dataset=None)
        push(client, dataset, on_progress)
        sets = [*self.request["sets"], f"data.source={dataset.source}"]
        return replace(self, request={**self.request, "sets": sets}, dataset=None)

    def send(self, client: Client) -> list[Json]:
        """Queue it: a JobResponse for each of its jobs. Sending it again is the same submit.

        So it is sent again if the reply is lost.

        Raises:
            ServerError: the server refuses it; nothing is queued.
            UnavailableError: the server does not respond; if the code is `no_reply`, it may be
                queued all the same.
        """
        request = self.upload(client).request
        try:
            return client.submit(request, num_jobs=self.num_jobs)
        except UnavailableError as error:
            if error.code != NO_REPLY:
                raise
        try:
            return client.submit(request, num_jobs=self.num_jobs)
        except UnavailableError as error:
            which = "the jobs" if self.num_jobs > 1 else "the job"
            raise UnavailableError(
                f"{error}\n{which} may be queued all the same: before you submit again, look with: "
                "distnet ps",
                code=NO_REPLY,
            ) from None


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
        DistnetError: it has too many or too large files.
    """
    file = read_job(job, overrides=sets)
    mentioned = [word for setting in sweep for word in WORD.findall(setting)]
    _require_inside(file, mentioned)
    code = own_code(file, mentioned=mentioned)
    archive = pack(code) if code.files else None
    waits_for = {name.partition(":")[0] for name in after}
    if start_from is not None and start_from not in waits_for:
        after = (*after, start_from)
    sets, dataset = [*sets, *_absolute(file)], _dataset(file)
    request = {
        "key": uuid.uuid4().hex,
        "spec": decode(file.path.read_bytes()),
        "file": str(job)[-200:],
        "sets": sets,
        "after": list(after),
        "start_from": start_from,
        "sweep": list(sweep),
        "code": archive and archive.sha256,
        **options,
    }
    given = {key: value for key, value in request.items() if value is not None}
    return Submission(given, archive, dataset, file.job.name, len(expand(sweep)))


def _require_inside(file: JobFile, mentioned: Sequence[str]) -> None:
    """Refuse own parts that are not in the job file's folder.

    Raises:
        JobFileError: one is elsewhere.
    """
    parts = {section: attrgetter(section)(file.job) for section in PACKAGES}
    kinds = [(f"{section}.kind", part.kind) for section, part in parts.items() if part is not None]
    for key, kind in (*kinds, *(("--sweep", word) for word in mentioned)):
        written = file_of(kind)
        if written is not None and stored_name(written).split("/")[0] in (UP, ROOT):
            raise file.fault(
                key,
                f"found {written!r}, expected a file in the folder of the job file, which is "
                "uploaded with the job",
            )


def _absolute(file: JobFile) -> list[str]:
    """Overrides that make the relative paths of the job absolute."""
    source, store = file.job.data.source, file.job.checkpoint.store
    sets = []
    if _is_path(source):
        sets += _override("data.source", source, file)
    if store is not None and ":" not in store.partition("/")[0]:  # not an address such as s3://...
        sets += _override("checkpoint.store", store, file)
    return sets


def _dataset(file: JobFile) -> LocalDataset | None:
    """The dataset that the job has on this machine; None if it has none here."""
    source = file.job.data.source
    if not _is_path(source):
        return None
    if os.path.isabs(source) and not os.path.exists(os.path.join(source, MANIFEST)):
        return None  # it may exist only on the machines of the cluster
    try:
        return open_dataset(find_dataset(source, folder=_folder(file)))
    except DataError as error:
        raise file.fault("data.source", str(error)) from None


def _is_path(source: str | None) -> TypeGuard[str]:
    """Whether a `data.source` is neither the name nor the sha256 of a dataset."""
    if source is None or source in shipped_datasets():
        return False
    return content_of(source) is None


def _override(key: str, path: str, file: JobFile) -> list[str]:
    absolute = os.path.abspath(_folder(file) / Path(path).expanduser())
    if absolute == path:
        return []
    # Between single quotes YAML reads a line break as a space.
    quoted = absolute.replace("'", "''")
    text = json.dumps(absolute) if "\n" in absolute else f"'{quoted}'"
    return [f"{key}={text}"]


def _folder(file: JobFile) -> Path:
    return Path(os.path.abspath(file.folder))
