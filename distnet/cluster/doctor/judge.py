"""All checks, over what is known."""

from distnet.cluster.doctor.checks import (
    alike,
    capacity,
    clocks,
    devices,
    exchange,
    links,
    network,
    security,
    software,
    storage,
)
from distnet.cluster.doctor.facts import Examination
from distnet.cluster.doctor.finding import Finding
from distnet.cluster.doctor.registry import run_checks

GROUPS = (
    *(software, devices, capacity, network, clocks, security),
    *(alike, links, exchange, storage),
)
"""In the order in which their findings are shown."""


def judge(examination: Examination) -> list[Finding]:
    """What all checks find."""
    return run_checks(examination)
