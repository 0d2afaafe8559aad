"""Types of the cluster file's values: names of hosts, addresses, ports, numbers of nodes."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

NUMBER_OF_NODES = "a number of nodes such as 2, or a range such as 0..8"
RANGE = re.compile(r"([0-9]{1,9})\s*\.\.\s*([0-9]{1,9})")
MOST_NODES = 10_000
HOST = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?"
USER = r"[A-Za-z_][A-Za-z0-9._-]{0,63}"
LABEL = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
PATH = r"[A-Za-z0-9._/+-]*"
IMAGE = (
    r"[a-z0-9][A-Za-z0-9._/-]*(:[0-9]+/[A-Za-z0-9._/-]+)?"
    r"(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?"
)
PACKAGE = r"[A-Za-z0-9][^'\"`$\\]*"
FOLDER = r"(~|/)[A-Za-z0-9._/+-]*"
STORE = r"(s3|gs|gcs|abfs|abfss)://[A-Za-z0-9][A-Za-z0-9._@/+-]*"


@dataclass(frozen=True)
class Nodes:
    """How many nodes of a group there are: a fixed number, or as many as jobs need."""

    min: int
    max: int


def _nodes(value: object) -> object:
    if isinstance(value, Nodes):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        first = last = value
    elif isinstance(value, str) and (match := RANGE.fullmatch(value.strip())):
        first, last = int(match[1]), int(match[2])
    else:
        raise ValueError(f"expected {NUMBER_OF_NODES}")
    if first > last:
        raise ValueError(f"expected the minimum first, as in {last}..{first}")
    if first < 0 or not 0 < last <= MOST_NODES:
        raise ValueError(f"expected a maximum between 1 and {MOST_NODES}")
    return Nodes(first, last)


NumNodes = Annotated[
    Nodes,
    BeforeValidator(_nodes),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST_NODES},
                   {"type": "string", "pattern": r"^\s*[0-9]+\s*\.\.\s*[0-9]+\s*$"}]}
    ),
]  # fmt: skip


def _host(text: str) -> str:
    user, at, rest = text.partition("@")
    if at and re.fullmatch(USER, user) and re.fullmatch(HOST, rest):
        raise ValueError(f"expected a name alone; write {{host: {rest}, user: {user}}}")
    if not re.fullmatch(HOST, text) and not is_ip(text):
        raise ValueError("expected the name or address of a host, such as gpu1 or 10.0.0.5")
    return text


def _user(text: str) -> str:
    if not re.fullmatch(USER, text):
        raise ValueError("expected the name of a user, such as anna")
    return text


def _ip(text: str) -> str:
    if not is_ip(text):
        raise ValueError("expected an IP address such as 10.0.0.5")
    return text


def is_ip(text: str) -> bool:
    """Whether it is an IPv4 or IPv6 address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only the machine itself reaches this address."""
    return host == "localhost" or (is_ip(host) and ip_address(host).is_loopback)


def _listen(text: str) -> str:
    if text != "localhost" and not is_ip(text):
        raise ValueError("expected an IP address such as 127.0.0.1, or 0.0.0.0 for all")
    return text


def _label(text: str) -> str:
    *prefix, name = text.split("/", 1)
    if not re.fullmatch(LABEL, name) or not all(re.fullmatch(HOST, part) for part in prefix):
        raise ValueError("expected letters, digits, dots, dashes and underscores, such as H100")
    if prefix == ["ray.io"]:
        raise ValueError("expected another prefix: labels of ray.io are set by Ray itself")
    return text


def _resource(text: str) -> str:
    if not re.fullmatch(LABEL, text) or text.lower() in ("cpu", "gpu", "memory"):
        raise ValueError("expected a name such as licences; cpus and gpus are keys of their own")
    return text


def _folder(text: str) -> str:
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if not re.fullmatch(FOLDER, text) or not text.startswith(("~/", "/")) or ".." in parts:
        raise ValueError("expected a folder such as ~/.distnet/cluster or /srv/distnet")
    return text


def _own_folder(text: str) -> str:
    parts = [part for part in _folder(text).split("/") if part not in ("", ".")]
    if len(parts) < 2:
        raise ValueError("expected a folder that is distnet's alone, such as ~/.distnet/cluster")
    return text


def _package(text: str) -> str:
    if not re.fullmatch(PACKAGE, text) or not text.isprintable():
        raise ValueError("expected a package such as timm or timm==1.0")
    return text


def _nfs(text: str) -> str:
    host, slash, path = text.removeprefix("nfs://").partition("/")
    is_host = re.fullmatch(HOST, host) or is_ip(host)
    if not text.startswith("nfs://") or not is_host or not slash or not re.fullmatch(PATH, path):
        raise ValueError("expected a share such as nfs://fs-0123.efs.eu-west-1.amazonaws.com/")
    return text


def _store(text: str) -> str:
    if not re.fullmatch(STORE, text):
        raise ValueError("expected an object store such as s3://bucket/folder")
    return text


def _storage(other: Callable[[str], str], expected: str) -> Callable[[str], str]:
    """Make the check of a `storage` that is either an object store or something else."""

    def check(text: str) -> str:
        if "://" in text and not text.startswith("nfs://"):
            try:
                return _store(text)
            except ValueError:
                raise ValueError(f"expected {expected}") from None
        return other(text)

    return check


def share_of(storage: str | None) -> str | None:
    """The folder or share that a `storage` names; None for an object store."""
    return None if store_of(storage) else storage


def store_of(storage: str | None) -> str | None:
    """The object store that a `storage` names; None for anything else."""
    return storage if storage is not None and re.fullmatch(STORE, storage) else None


def _image(text: str) -> str:
    if not re.fullmatch(IMAGE, text):
        raise ValueError("expected an image such as registry.example/distnet:0.1.0")
    return text


HostName = Annotated[str, AfterValidator(_host)]
User = Annotated[str, AfterValidator(_user)]
Ip = Annotated[str, AfterValidator(_ip)]
Listen = Annotated[str, AfterValidator(_listen)]
Port = Annotated[int, Field(ge=1, le=65535)]
Label = Annotated[str, AfterValidator(_label)]
Resource = Annotated[str, AfterValidator(_resource)]
Folder = Annotated[str, AfterValidator(_folder)]
OwnFolder = Annotated[str, AfterValidator(_own_folder)]
Package = Annotated[str, AfterValidator(_package)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
FolderOrStore = Annotated[
    str, AfterValidator(_storage(_folder, "a folder such as /shared, or s3://bucket/folder"))
]
NfsOrStore = Annotated[
    str, AfterValidator(_storage(_nfs, "a share such as nfs://HOST/PATH, or s3://bucket/folder"))
]
Image = Annotated[str, AfterValidator(_image)]
