"""Read a cluster file: from YAML to a frozen ClusterFile, or one error that lists every fault."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from distnet.cluster.file.cross import faults_across, of_another_provider, secret
from distnet.cluster.file.hosts import host_of
from distnet.cluster.file.providers import PROVIDERS, AnyCluster, Local, Ssh
from distnet.cluster.host import Host
from distnet.errors import ClusterFileError, JobFileError
from distnet.spec.reading.faults import Fault, FaultsError, Key, Locations, found, unknown
from distnet.spec.reading.file import read_text
from distnet.spec.reading.validation import faults_of
from distnet.spec.reading.yaml import read_yaml

LOCALHOST = "localhost"
ELSEWHERE = {
    **dict.fromkeys(("hostname", "ip", "ansible_host", "head_ip"), "host"),
    **dict.fromkeys(("identity_file", "ssh_key", "private_key", "ssh_private_key"), "key"),
    **dict.fromkeys(("ssh_port", "ansible_port"), "port"),
    **dict.fromkeys(("ssh_user", "ansible_user", "username"), "user"),
    **dict.fromkeys(("proxy_jump", "bastion"), "jump"),
    **dict.fromkeys(("worker_ips", "workers", "machines"), "hosts"),
    **dict.fromkeys(("instance_type", "machine_type"), "shape"),
}
"""Keys that other tools have for the same, and ours."""


@dataclass(frozen=True)
class ClusterFile:
    """A cluster, and where each of its keys was written."""

    cluster: AnyCluster
    path: Path
    locations: Locations

    @property
    def name(self) -> str:
        """The name of the cluster, and of its context."""
        return self.cluster.name

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The hosts in the order of the file; none where a provider makes the nodes."""
        match self.cluster:
            case Local(cpus=cpus, gpus=gpus):
                return (Host(LOCALHOST, LOCALHOST, address="127.0.0.1", cpus=cpus, gpus=gpus),)
            case Ssh(hosts=hosts):
                return tuple(host_of(entry, self.path.parent) for entry in hosts)
        return ()

    @property
    def head(self) -> Host:
        """The host of Ray's head and the distnet server.

        Raises:
            ClusterFileError: the provider makes the nodes, so that there are no hosts.
        """
        if not self.hosts:
            provider = self.cluster.provider
            raise self.fault(("provider",), f"found {provider}, expected local or ssh: hosts exist")
        named = self.cluster.head if isinstance(self.cluster, Ssh) else None
        return next((host for host in self.hosts if host.name == named), self.hosts[0])

    def fault(self, key: Key, message: str) -> ClusterFileError:
        """Make the error for a fault that a later stage finds: `fault(("hosts", 1), "...")`."""
        return _error(self.locations, [Fault(key, message)])


def load_cluster(path: Path | str) -> ClusterFile:
    """Read the cluster file at `path`.

    Raises:
        ClusterFileError: it cannot be read, or has faults; all of them are listed.
    """
    path = Path(path)
    remedy = "copy one from the folder cluster/ of distnet"
    try:
        text = read_text(path, what="cluster file", remedy=remedy)
    except JobFileError as error:
        raise ClusterFileError(str(error)) from None
    return read_cluster_text(text, path)


def read_cluster_text(text: str, path: Path = Path("cluster.yaml")) -> ClusterFile:
    """Read a cluster from the text of its file; `path` names it in faults and need not exist.

    Raises:
        ClusterFileError: the text has faults; all of them are listed.
    """
    try:
        document = read_yaml(text)
    except FaultsError as error:
        raise _error(Locations(str(path)), error.faults) from None
    locations = Locations(str(path), document.lines)
    if not isinstance(document.value, dict):
        wrong = "found no sections, expected at least `name: ...` and `provider: ...`"
        raise _error(locations, [Fault((), wrong)])
    return ClusterFile(_cluster(document.value, locations), path, locations)


def _cluster(value: dict[str, Any], locations: Locations) -> AnyCluster:
    provider = value.get("provider")
    if not isinstance(provider, str) or provider not in PROVIDERS:
        raise _error(locations, [Fault(("provider",), _wrong_provider(provider))])
    model = PROVIDERS[provider]
    faults = list(faults_across(value))
    try:
        cluster = model.model_validate(value)
    except ValidationError as error:
        faults += [_explained(fault, provider, model) for fault in faults_of(error, model)]
    if faults:
        raise _error(locations, faults)
    return cluster


def _wrong_provider(provider: object) -> str:
    if isinstance(provider, str) and provider.lower() in PROVIDERS:
        return f"found unknown provider `{provider}`, did you mean `{provider.lower()}`?"
    if isinstance(provider, str):
        return unknown("provider", provider, PROVIDERS)
    return f"found {found(provider)}, expected one of: {', '.join(PROVIDERS)}"


def _explained(fault: Fault, provider: str, model: type[AnyCluster]) -> Fault:
    """Say more of an unknown key: what it is elsewhere, or that it holds a secret."""
    if "found unknown key" not in fault.message:
        return fault
    key = str(fault.key[-1])
    other = of_another_provider(provider, key) if len(fault.key) == 1 else None
    means = (
        f"found unknown key `{key}`, did you mean `{ELSEWHERE[key]}`?" if key in ELSEWHERE else None
    )
    return Fault(fault.key, secret(key) or other or means or fault.message)


def _error(locations: Locations, faults: list[Fault] | tuple[Fault, ...]) -> ClusterFileError:
    return ClusterFileError(str(locations.error(faults)))
