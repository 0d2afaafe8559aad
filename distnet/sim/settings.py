"""Parsers for the settings on the command line: nodes, policy, teams."""

import dataclasses
import math
import re
from collections.abc import Callable, Iterable, Mapping

from distnet.scheduler.view import Node, Policy, Team
from distnet.sim.load import SimError
from distnet.spec.sections.units import seconds

MAX_NODES = 100_000
LABELLED = re.compile(r":([^:=\s]+)=([^:=\s]+)")
NODES = re.compile(rf"(?:(\d{{1,6}})x)?(\d{{1,6}})c(?:(\d{{1,4}})g)?((?:{LABELLED.pattern})*)")


def read_nodes(text: str) -> list[Node]:
    """Read `900x64c0g,100x128c8g:gpu=H100`: 900 nodes with 64 CPUs, 100 with 128 CPUs and 8 GPUs.

    Labels follow a colon each.

    Raises:
        SimError: the text is invalid.
    """
    nodes: list[Node] = []
    for part in text.split(","):
        match = NODES.fullmatch(part.strip())
        if match is None:
            raise SimError(
                f"--nodes: found {part!r}, expected COUNTxCPUScGPUSg such as 100x64c8g, "
                "and labels such as :gpu=H100"
            )
        count, cpus, gpus = int(match[1] or 1), int(match[2]), int(match[3] or 0)
        if not cpus or not count or len(nodes) + count > MAX_NODES:
            raise SimError(
                f"--nodes: found {part!r}, expected 1 to {MAX_NODES:,} nodes with at least 1 CPU"
            )
        first, labels = len(nodes), dict(LABELLED.findall(match[4]))
        nodes += [
            Node(f"node-{n:06}", cpus, gpus, labels=labels) for n in range(first, first + count)
        ]
    return nodes


def read_policy(settings: Iterable[str]) -> Policy:
    """Read `ageing=2h`, `preemption=no`, ... over the defaults of the server.

    Raises:
        SimError: a setting is unknown or its value is invalid.
    """
    readers: dict[str, Callable[[str, str], object]] = {
        "ageing": read_seconds,
        "steady": read_seconds,
        "preemption": _flag,
        "backfill": _flag,
        "elastic": _flag,
    }
    names = {"ageing": "ageing_s", "steady": "steady_s"}
    found: dict[str, object] = {}
    for setting in settings:
        key, value = _pair("--policy", setting, readers)
        found[names.get(key, key)] = readers[key](f"--policy {key}", value)
    if found.get("ageing_s") == 0:
        raise SimError("--policy ageing: found 0, expected a time such as 1h")
    return dataclasses.replace(Policy(), **found)  # type: ignore[arg-type]


def read_teams(settings: Iterable[str]) -> dict[str, Team]:
    """Read one `vision:weight=2,quota_gpus=16,limit_cpus=512` for each team.

    Raises:
        SimError: a setting is unknown or its value is invalid.
    """
    readers = {field.name: _amount for field in dataclasses.fields(Team) if field.name != "name"}
    teams: dict[str, Team] = {}
    for setting in settings:
        name, _, rest = setting.partition(":")
        if not name or not rest or name in teams:
            expected = "one NAME:weight=2,quota_gpus=16 for each team"
            raise SimError(f"--team: found {setting!r}, expected {expected}")
        pairs = [_pair("--team", part, readers) for part in rest.split(",")]
        facts = {key: _amount(f"--team {name}: {key}", value) for key, value in pairs}
        if facts.get("weight") == 0:
            raise SimError(f"--team {name}: weight: found 0, expected a number above 0")
        teams[name] = Team(name, **facts)
    return teams


def read_seconds(name: str, text: str) -> float:
    """Read `90s`, `2h`, or a number of seconds.

    Raises:
        SimError: the text is not a duration.
    """
    try:
        value = float(text) if re.fullmatch(r"[0-9.]+", text) else float(str(seconds(text)))
    except ValueError:
        raise SimError(f"{name}: found {text!r}, expected a time such as 90s or 2h") from None
    return value


def _pair(option: str, text: str, known: Mapping[str, object]) -> tuple[str, str]:
    key, equals, value = text.strip().partition("=")
    if not equals or key not in known:
        expected = f"KEY=VALUE with KEY one of {', '.join(known)}"
        raise SimError(f"{option}: found {text!r}, expected {expected}")
    return key, value


def _flag(name: str, text: str) -> bool:
    known = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
    if text.lower() not in known:
        raise SimError(f"{name}: found {text!r}, expected yes or no")
    return known[text.lower()]


def _amount(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise SimError(f"{name}: found {text!r}, expected a number of at least 0")
    return value
