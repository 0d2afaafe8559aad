"""Datasets that a server keeps, and their upload.

A dataset is named by the sha256 of its manifest, and each of its shards by its own. The client
sends the manifest, learns which shards are missing and how many bytes of each are there, and sends
the rest in pieces. A piece that does not begin where the shard ends is ignored; the response says
where the next one has to begin.
"""

from typing import Annotated

from pydantic import Field

from distnet.protocol.message import Message, Sha256


class DatasetResponse(Message):
    """A dataset that the server keeps, or one that is being uploaded."""

    sha256: Sha256
    """Of its manifest."""
    name: str
    owner: str
    """Who uploaded it first."""
    num_samples: int
    num_bytes: int
    pushed_at: float
    used_at: float
    """When a job was last submitted or started with it, or its upload went on."""
    is_in_use: bool
    """Whether an open job or a recurring one has it."""
    is_complete: bool
    """False for an upload: no job can have it yet."""
    num_received: int
    """Bytes of it that have arrived."""


class DatasetsResponse(Message):
    """All datasets that the server keeps or gets, the last used first."""

    datasets: tuple[DatasetResponse, ...]
    num_bytes: int
    """Of all of them, as far as they have arrived; shared shards count once, manifests too."""
    most_bytes: int
    """The limit, `limits.datasets`."""


class MissingShard(Message):
    """A shard that the server does not have, or only its beginning."""

    sha256: Sha256
    offset: int
    """The bytes that it has."""


class UploadResponse(Message):
    """The state of an upload."""

    is_complete: bool
    missing: tuple[MissingShard, ...]
    piece_bytes: int
    """The largest piece that the server takes."""


class PieceResponse(Message):
    """What the server has of a shard now."""

    offset: int
    """The next piece begins here; the size of the shard if that is complete and verified."""


class MountRequest(Message):
    """Whether the server's machine sees a dataset under the same path."""

    path: Annotated[str, Field(min_length=2, max_length=4000, pattern=r"^/[^\x00]*$")]


class MountResponse(Message):
    """The response to a MountRequest."""

    is_same: bool
