"""The file that `distnet server start --settings FILE` reads; every key may be left out.

hosts: [lab.example.org]            # names under which browsers call the server
policy: {ageing: 2h, preemption: false}
environment: {NCCL_SOCKET_IFNAME: eth1}
webhooks:
  urls: [https://hooks.example.org/distnet]
  secret: ./webhook.key             # a file that only the server's user may read
"""

import re
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError

from distnet.errors import DistnetError, JobFileError
from distnet.protocol.message import Priority
from distnet.scheduler.view import Policy
from distnet.server.settings import Allowance, Limits, Settings, Webhooks
from distnet.spec.reading.faults import Fault, FaultsError, Locations
from distnet.spec.reading.validation import faults_of
from distnet.spec.reading.yaml import decode, read_yaml
from distnet.spec.sections.section import PositiveFloat, PositiveInt, Section
from distnet.spec.sections.units import Bytes, Seconds

SHORTEST_SECRET = 16
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
USUAL = Settings(ledger="", runs=Path())
"""The values of what is not said."""


def _https(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.fragment:
        raise ValueError("expected an address such as https://hooks.example.org/distnet")
    return url


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError("expected a network such as 10.1.0.0/16") from None


def _variable(name: str) -> str:
    if not re.fullmatch(VARIABLE, name) or name.startswith("DISTNET_"):
        raise ValueError("expected a variable such as NCCL_SOCKET_IFNAME, none of distnet's own")
    return name


class PolicySection(Section):
    """How jobs are ordered."""

    ageing: Seconds = USUAL.policy.ageing_s
    """A job gains one level of priority for each such time that it waits."""
    preemption: bool = USUAL.policy.preemption
    backfill: bool = USUAL.policy.backfill
    elastic: bool = USUAL.policy.elastic
    steady: Seconds = USUAL.policy.steady_s
    """A job is left alone for so long after its start."""


class LimitsSection(Section):
    """What a user, and an address, may ask of the server."""

    user_per_second: PositiveFloat = USUAL.limits.user_per_s
    address_per_second: PositiveFloat = USUAL.limits.address_per_s
    body: Bytes = USUAL.limits.body_bytes
    bulk: Bytes = USUAL.limits.bulk_bytes
    code: Bytes = USUAL.limits.code_bytes
    log: Bytes = USUAL.limits.log_bytes
    open_jobs_per_user: PositiveInt = USUAL.allowance.open_jobs
    priority: Priority = USUAL.allowance.priority
    """The highest that a user who is no admin may give."""


class WebhooksSection(Section):
    """Whom the server tells that a job ended."""

    urls: Annotated[tuple[Annotated[str, AfterValidator(_https)], ...], Field(min_length=1)]
    secret: str
    """The file with the secret that signs what is sent."""
    private: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    """Networks such as 10.1.0.0/16 in which a host may be; others must be public."""
    authority: str | None = None
    """A file of certificates to trust instead of the system's."""


class SettingsFile(Section):
    """What the file may say."""

    hosts: tuple[str, ...] = ()
    silent_after: Seconds = USUAL.silent_after_s
    lost_after: Seconds = USUAL.lost_after_s
    report_every: Seconds = USUAL.report_every_s
    policy: PolicySection = PolicySection()
    limits: LimitsSection = LimitsSection()
    webhooks: WebhooksSection | None = None
    environment: dict[Annotated[str, AfterValidator(_variable)], str] = {}
    """Variables for all attempts. No secrets: who can see the cluster can see them."""


def with_file(settings: Settings, path: Path) -> Settings:
    """Take over what a settings file says.

    Raises:
        DistnetError: it cannot be read, or says what it cannot say; all faults are named.
    """
    said, locations = _read(path)
    policy, limits = said.policy, said.limits
    return replace(
        settings,
        hosts=said.hosts,
        silent_after_s=said.silent_after,
        lost_after_s=said.lost_after,
        report_every_s=said.report_every,
        allowance=Allowance(limits.open_jobs_per_user, limits.priority),
        policy=Policy(
            policy.ageing, policy.preemption, policy.backfill, policy.elastic, policy.steady
        ),
        limits=Limits(
            user_per_s=limits.user_per_second,
            address_per_s=limits.address_per_second,
            body_bytes=limits.body,
            bulk_bytes=limits.bulk,
            code_bytes=limits.code,
            log_bytes=limits.log,
        ),
        webhooks=_webhooks(said.webhooks, path.parent, locations) if said.webhooks else None,
        environment=said.environment,
    )


def _read(path: Path) -> tuple[SettingsFile, Locations]:
    try:
        document = read_yaml(decode(path.read_bytes()))
    except OSError as error:
        raise DistnetError(f"{path}: the settings cannot be read: {error.strerror}") from None
    except FaultsError as error:
        raise Locations(str(path)).error(error.faults) from None
    locations = Locations(str(path), document.lines)
    try:
        value = {} if document.value is None else document.value
        return SettingsFile.model_validate(value), locations
    except ValidationError as error:
        raise locations.error(faults_of(error, SettingsFile)) from None


def _webhooks(said: WebhooksSection, folder: Path, locations: Locations) -> Webhooks:
    return Webhooks(
        urls=said.urls,
        secret=_secret(folder / said.secret, locations),
        private=said.private,
        authority=folder / said.authority if said.authority else None,
    )


def _secret(path: Path, locations: Locations) -> str:
    try:
        text = path.read_text().strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise _fault(locations, "secret", f"{path} cannot be read: {reason}") from None
    if len(text) < SHORTEST_SECRET:
        wrong = f"found {len(text)} characters in {path}, expected at least {SHORTEST_SECRET}"
        raise _fault(locations, "secret", wrong)
    return text


def _fault(locations: Locations, key: str, message: str) -> JobFileError:
    return locations.error([Fault(("webhooks", key), message)])
