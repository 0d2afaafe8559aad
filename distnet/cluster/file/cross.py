"""Faults of a cluster file that concern several keys at once.

They are looked for in the values as they were written, so that they are listed together with the
faults of single keys.
"""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from distnet.cluster.file.hosts import name_of
from distnet.cluster.file.providers import PROVIDERS
from distnet.cluster.file.sections import SERVER_PORT, Ports
from distnet.cluster.file.words import is_ip, is_loopback
from distnet.spec.reading.faults import Fault, found, shortened, unknown

ARE_ROUTABLE = ("ssh", "aws", "gcp", "kubernetes")
HEAD = "head"
MODE = "RAY_AUTH_MODE=token"
START_COMMANDS = ("head_start_ray_commands", "worker_start_ray_commands")
SECRETS = ("token", "auth_token", "password", "secret", "passphrase")


def faults_across(file: Mapping[str, Any]) -> Iterator[Fault]:
    """Find the faults between the keys of a file whose provider is known."""
    yield from _authentication(file)
    yield from _open_by_ray(_mapping(file, "ray"))
    yield from _ports(file)
    if file.get("install") == "none" and file.get("packages"):
        wrong = "found packages with install: none, expected no packages: nothing is installed"
        yield Fault(("packages",), wrong)
    match file["provider"]:
        case "ssh":
            yield from _hosts(_listed(file, "hosts"))
            yield from _head(file)
        case "gcp":
            yield from _machine_types(_mapping(file, "groups"))
    if HEAD in _mapping(file, "groups"):
        yield Fault(("groups", HEAD), "found a group named head, expected another name")


def secret(key: str) -> str | None:
    """Say of a key that holds a secret that cluster files hold none; None if it does not."""
    if key not in SECRETS:
        return None
    return "found a secret, expected none: distnet makes tokens itself, and ssh logs in with keys"


def of_another_provider(provider: str, key: str) -> str | None:
    """Say which providers know a key that `provider` does not; None if none does."""
    others = [name for name, model in PROVIDERS.items() if key in model.model_fields]
    if not others or provider in others:
        return None
    return f"found a key of provider {' and '.join(others)}, expected none with provider {provider}"


def _authentication(file: Mapping[str, Any]) -> Iterator[Fault]:
    if file.get("auth") != "none":
        return
    listen = _mapping(file, "server").get("listen")
    if file["provider"] in ARE_ROUTABLE:
        why = f"other machines reach the nodes of provider {file['provider']}"
        yield Fault(("auth",), f"found none, expected token: {why}")
    elif isinstance(listen, str) and is_ip(listen) and not is_loopback(listen):
        wrong = f"found {listen} with auth: none, expected auth: token: other machines reach it"
        yield Fault(("server", "listen"), wrong)


def _open_by_ray(ray: Mapping[str, Any]) -> Iterator[Fault]:
    """Find raw keys with which Ray would let in everybody."""
    for key in START_COMMANDS:
        for index, command in enumerate(_listed(ray, key)):
            if isinstance(command, str) and "ray start" in command and MODE not in command:
                wrong = f"found `ray start` without {MODE}, expected it before: export {MODE}; ..."
                yield Fault(("ray", key, index), wrong)
    options = ray.get("authOptions", {})
    mode = options.get("mode", "token") if isinstance(options, dict) else options
    if mode != "token":
        wrong = f"found {found(mode)}, expected mode: token, as other pods reach Ray"
        yield Fault(("ray", "authOptions"), wrong)


def _ports(file: Mapping[str, Any]) -> Iterator[Fault]:
    """Find two uses of one port. The defaults come first, so that the written key is named."""
    if "ports" not in PROVIDERS[file["provider"]].model_fields:
        return
    written = {("ports", name): port for name, port in _mapping(file, "ports").items()}
    if "port" in _mapping(file, "server"):
        written[("server", "port")] = _mapping(file, "server")["port"]
    defaults = {("ports", name): port for name, port in Ports().model_dump().items()}
    unwritten = {
        k: p for k, p in (defaults | {("server", "port"): SERVER_PORT}).items() if k not in written
    }
    first = dict[int, str]()
    for key, port in (unwritten | written).items():
        if not isinstance(port, int):
            continue
        if port in first:
            yield Fault(key, f"found {port}, expected another port than that of {first[port]}")
        first.setdefault(port, ".".join(key))


def _hosts(hosts: tuple[Any, ...]) -> Iterator[Fault]:
    """Find hosts with one name, and hosts that are one machine. DNS does not know capitals."""
    names, machines = dict[str, int](), dict[Hashable, int]()
    for index, entry in enumerate(hosts):
        name = name_of(entry)
        if name is None:
            continue
        machine = _machine(entry, name)
        twice = names.get(name.lower(), machines.get(machine))
        if twice is not None:
            wrong = f"found host `{shortened(name)}` twice, first as hosts.{twice}"
            yield Fault(("hosts", index), f"{wrong}; expected each host once")
        names.setdefault(name.lower(), index)
        machines.setdefault(machine, index)
    yield from _addresses(hosts)
    yield from _jumps(hosts)


def _machine(entry: Any, name: str) -> Hashable:
    """What makes an entry another machine than the others: one address may have several ports."""
    if not isinstance(entry, dict):
        return name.lower(), "None", "None"
    return str(entry.get("host", name)).lower(), str(entry.get("port")), str(entry.get("jump"))


def _jumps(hosts: tuple[Any, ...]) -> Iterator[Fault]:
    """Find hosts that are to be reached through themselves."""
    through = {name_of(e): e.get("jump") for e in hosts if isinstance(e, dict)}
    for index, entry in enumerate(hosts):
        seen, host = list[str](), name_of(entry)
        while isinstance(host, str) and host not in seen:
            seen.append(host)
            host = through.get(host)
        if seen and host == seen[0]:
            way = " -> ".join([*seen, seen[0]])
            wrong = f"found the way {shortened(way)}, expected one that does not lead back"
            yield Fault(("hosts", index, "jump"), wrong)


def _addresses(hosts: tuple[Any, ...]) -> Iterator[Fault]:
    first = dict[str, int]()
    for index, entry in enumerate(hosts):
        address = entry.get("address") if isinstance(entry, dict) else None
        if not isinstance(address, str) or not is_ip(address):
            continue
        key = ("hosts", index, "address")
        if is_loopback(address) and len(hosts) > 1:
            yield Fault(key, f"found {address}, expected one that the other hosts can reach")
        elif address in first:
            yield Fault(key, f"found {address}, the address of hosts.{first[address]} too")
        first.setdefault(address, index)


def _head(file: Mapping[str, Any]) -> Iterator[Fault]:
    head = file.get(HEAD)
    hosts = _listed(file, "hosts")
    names = [name for entry in hosts if (name := name_of(entry))]
    is_complete = 0 < len(hosts) == len(names)
    if isinstance(head, str) and is_complete and head not in names:
        yield Fault(
            (HEAD,), f"{unknown('host', head, dict.fromkeys(names))}; the head is one of `hosts`"
        )


def _machine_types(groups: Mapping[str, Any]) -> Iterator[Fault]:
    for name, group in groups.items():
        shape = group.get("shape") if isinstance(group, dict) else None
        if not isinstance(shape, str):
            continue
        if "cpus" not in group and not shape.rpartition("-")[2].isdecimal():
            wrong = f"found no `cpus`, expected the CPUs of {shortened(shape)}"
            yield Fault(("groups", name, "cpus"), f"{wrong}, as its name does not end with them")
        if "accelerator" in group and not group.get("gpus"):
            wrong = f"found {found(group['accelerator'])}, expected `gpus` with it: how many a node"
            yield Fault(("groups", name, "accelerator"), wrong)


def _mapping(file: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = file.get(key)
    return value if isinstance(value, dict) else {}


def _listed(file: Mapping[str, Any], key: str) -> tuple[Any, ...]:
    value = file.get(key)
    return value if isinstance(value, tuple) else ()
