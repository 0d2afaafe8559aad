"""The settings file of `distnet server start --settings FILE`; all keys are optional.

hosts: [lab.example.org]            # names of the server that browsers use
proxies: [127.0.0.1]                # of a proxy with https in front of it
policy: {preset: lab, ageing: 1h}   # who may get ahead of others: administration.md
limits: {keep: 90d}                 # logs and events of jobs, after their end
run_folders: private                # nobody else on the nodes may read them
datasets: /scratch/distnet          # those that users have uploaded; up to limits.datasets bytes
checkpoints: s3://bucket/lab        # of jobs that name no checkpoint.store
environment: {NCCL_SOCKET_IFNAME: eth1}
webhooks:
  urls: [https://hooks.example.org/distnet]
  secret: ./webhook.key             # a file that only the server's user can read
notices: ./addresses.txt            # mailto://..., slack://...: when a job has ended
"""

import re
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError

from distnet.errors import DistnetError, JobFileError
from distnet.server.policy_section import PolicySection
from distnet.server.settings import Limits, Settings, Webhooks
from distnet.spec.reading.faults import Fault, FaultsError, Locations
from distnet.spec.reading.validation import faults_of
from distnet.spec.reading.yaml import decode, read_yaml
from distnet.spec.sections.section import PositiveFloat, PositiveInt, Section
from distnet.spec.sections.units import Bytes, Seconds

SHORTEST_SECRET = 16
SHORTEST_KEEP_S = 86_400.0
"""A number without a unit means seconds: `keep: 90` would remove what is two minutes old."""
UMASKS = {"private": 0o077, "group": 0o027}
STORE = r"[A-Za-z][A-Za-z0-9+.-]*://[^/]"
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
DEFAULT = Settings(ledger="", runs=Path())
"""The values of keys that are left out."""


def _https(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.fragment:
        raise ValueError("expected an address such as https://hooks.example.org/distnet")
    return url


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError("expected an address, or a network such as 10.1.0.0/16") from None


def _variable(name: str) -> str:
    if not re.fullmatch(VARIABLE, name) or name.startswith("DISTNET_"):
        raise ValueError(
            "expected a variable such as NCCL_SOCKET_IFNAME that does not start with DISTNET_"
        )
    return name


def _long_enough(seconds: float) -> float:
    if seconds < SHORTEST_KEEP_S:
        raise ValueError("expected at least 1d, as in 90d")
    return seconds


def object_store(address: str) -> str:
    """Check the address of an object store.

    Raises:
        ValueError: it is none.
    """
    if not re.match(STORE, address):
        raise ValueError("expected an object store such as s3://bucket/folder")
    if urlsplit(address).password is not None:
        raise ValueError("expected no password in it; set it in the environment of the nodes")
    return address


class LimitsSection(Section):
    """Limits for the connections, requests and jobs of a user, and for an IP address."""

    connections: Annotated[int, Field(ge=100, lt=2**20)] = DEFAULT.limits.connections
    """Half for users, a quarter for attempts, a quarter for who has shown no token."""
    connections_per_address: PositiveInt = DEFAULT.limits.connections_per_address
    """Of those that have shown no token; the nodes of a cluster may have one address."""
    connections_per_user: PositiveInt = DEFAULT.limits.connections_per_user
    connections_per_attempt: PositiveInt = DEFAULT.limits.connections_per_attempt
    served_per_user: PositiveInt = DEFAULT.limits.served_per_user
    """Requests of a user, or of an attempt, that are served at once; others wait their turn."""
    job_file: Bytes = DEFAULT.limits.job_file_bytes
    """A job file with its overrides and its sweep."""
    drafts: PositiveInt = DEFAULT.limits.drafts
    """Requests with job files that are read at once."""
    draft: Seconds = DEFAULT.limits.draft_s
    """The time in which the job files of a request must be read."""
    followers_per_user: PositiveInt = DEFAULT.limits.followers_per_user
    """Requests of a user that wait for more of a log."""
    unread: Bytes = DEFAULT.limits.unread_bytes
    """Responses that a user, or an attempt, has not read yet."""
    head: Bytes = DEFAULT.limits.head_bytes
    """The request line and the headers of a request."""
    url: Bytes = DEFAULT.limits.url_bytes
    head_within: Seconds = DEFAULT.limits.head_s
    """The time within which the head of a request must arrive."""
    user_per_second: PositiveFloat = DEFAULT.limits.user_per_s
    address_per_second: PositiveFloat = DEFAULT.limits.address_per_s
    body: Bytes = DEFAULT.limits.body_bytes
    bulk: Bytes = DEFAULT.limits.bulk_bytes
    code: Bytes = DEFAULT.limits.code_bytes
    log: Bytes = DEFAULT.limits.log_bytes
    """Of an attempt: its `run` log, its metrics, and all its other logs together."""
    streams: PositiveInt = DEFAULT.limits.streams
    """Logs of an attempt besides those of its workers."""
    datasets: Bytes = DEFAULT.limits.dataset_bytes
    """Of all uploaded datasets together; those that were not used for longest are removed first."""
    open_jobs_per_user: PositiveInt = DEFAULT.allowance.open_jobs
    keep: Annotated[Seconds, AfterValidator(_long_enough)] | None = DEFAULT.keep_s
    """How long after its end a job keeps its logs, events and own files. Default: forever."""


class WebhooksSection(Section):
    """URLs that the server calls when a job has ended."""

    urls: Annotated[tuple[Annotated[str, AfterValidator(_https)], ...], Field(min_length=1)]
    secret: str
    """The file with the secret that signs the messages."""
    private: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    """Private networks in which hosts are allowed, such as 10.1.0.0/16."""
    authority: str | None = None
    """A file of certificates to trust instead of the system's."""


class SettingsFile(Section):
    """All keys of the file."""

    hosts: tuple[str, ...] = ()
    proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    """Addresses and networks of proxies whose X-Forwarded-For says who a client is."""
    silent_after: Seconds = DEFAULT.silent_after_s
    lost_after: Seconds = DEFAULT.lost_after_s
    report_every: Seconds = DEFAULT.report_every_s
    policy: PolicySection = PolicySection()
    limits: LimitsSection = LimitsSection()
    webhooks: WebhooksSection | None = None
    notices: str | None = None
    """A file of addresses of mail or chat, one a line, for notices of jobs that have ended."""
    checkpoints: Annotated[str, AfterValidator(object_store)] | None = None
    """Where jobs without a `checkpoint.store` keep their checkpoints, such as s3://bucket/folder.
    Default: in their run folders."""
    datasets: str | None = None
    """The folder of uploaded datasets. Default: `.datasets` in the folder of run folders."""
    run_folders: Literal["private", "group"] | None = None
    """Who else on the nodes may read run folders: nobody (0700), or the group of Ray's user (0750).
    Default: as the umask of the nodes says."""
    environment: dict[Annotated[str, AfterValidator(_variable)], str] = {}
    """Variables for all attempts. No secrets: all who can see the cluster can see them."""


def with_file(settings: Settings, path: Path) -> Settings:
    """Apply a settings file.

    Raises:
        DistnetError: it cannot be read, or has faults; all of them are named.
    """
    file, locations = _read(path)
    limits = file.limits
    policy, allowance = file.policy.values(limits.open_jobs_per_user)
    return replace(
        settings,
        hosts=file.hosts,
        proxies=file.proxies,
        silent_after_s=file.silent_after,
        lost_after_s=file.lost_after,
        report_every_s=file.report_every,
        allowance=allowance,
        policy=policy,
        limits=Limits(
            connections=limits.connections,
            connections_per_address=limits.connections_per_address,
            connections_per_user=limits.connections_per_user,
            connections_per_attempt=limits.connections_per_attempt,
            served_per_user=limits.served_per_user,
            job_file_bytes=limits.job_file,
            drafts=limits.drafts,
            draft_s=limits.draft,
            followers_per_user=limits.followers_per_user,
            unread_bytes=limits.unread,
            head_bytes=limits.head,
            url_bytes=limits.url,
            head_s=limits.head_within,
            user_per_s=limits.user_per_second,
            address_per_s=limits.address_per_second,
            body_bytes=limits.body,
            bulk_bytes=limits.bulk,
            code_bytes=limits.code,
            log_bytes=limits.log,
            streams=limits.streams,
            dataset_bytes=limits.datasets,
        ),
        keep_s=limits.keep,
        webhooks=_webhooks(file.webhooks, path.parent, locations) if file.webhooks else None,
        notices=_absolute(file.notices, path.parent),
        checkpoints=file.checkpoints or settings.checkpoints,
        datasets=_absolute(file.datasets, path.parent),
        umask=UMASKS.get(file.run_folders or ""),
        environment=file.environment,
    )


def _read(path: Path) -> tuple[SettingsFile, Locations]:
    try:
        document = read_yaml(decode(path.read_bytes()))
    except OSError as error:
        raise DistnetError(f"{path}: cannot read the settings: {error.strerror}") from None
    except FaultsError as error:
        raise Locations(str(path)).error(error.faults) from None
    locations = Locations(str(path), document.lines)
    try:
        value = {} if document.value is None else document.value
        return SettingsFile.model_validate(value), locations
    except ValidationError as error:
        raise locations.error(faults_of(error, SettingsFile)) from None


def _absolute(text: str | None, beside: Path) -> Path | None:
    return None if text is None else (beside / Path(text).expanduser()).resolve()


def _webhooks(section: WebhooksSection, folder: Path, locations: Locations) -> Webhooks:
    return Webhooks(
        urls=section.urls,
        secret=_secret(folder / section.secret, locations),
        private=section.private,
        authority=folder / section.authority if section.authority else None,
    )


def _secret(path: Path, locations: Locations) -> str:
    try:
        text = path.read_text().strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise _fault(locations, "secret", f"cannot read {path}: {reason}") from None
    if len(text) < SHORTEST_SECRET:
        wrong = f"found {len(text)} characters in {path}, expected at least {SHORTEST_SECRET}"
        raise _fault(locations, "secret", wrong)
    return text


def _fault(locations: Locations, key: str, message: str) -> JobFileError:
    return locations.error([Fault(("webhooks", key), message)])
