"""Examine a running Ray from outside: a program on one of its machines connects to it."""

import json
from collections.abc import Mapping
from typing import Any

from distnet.cluster.doctor.facts import Examination
from distnet.cluster.hosts.fleet import HostProgress
from distnet.cluster.hosts.script import run_program
from distnet.cluster.ssh.shell import Shell

PROGRAM = "distnet.cluster.doctor.on_ray"
STEP = "ray"
TIMEOUT_S = 300.0


def examine_by_ray(
    shell: Shell,
    python: str,
    given: Mapping[str, Any],
    report: HostProgress,
    *,
    variables: Mapping[str, str],
) -> Examination:
    """Examine the nodes of a Ray.

    Args:
        shell: of a machine of that Ray.
        python: the path of the Python there that has distnet.
        given: the arguments of `on_ray.py`.
        report: shows a node, the step that it is at, and details.
        variables: of the environment, such as those of Ray's token.

    Raises:
        HostError: Ray cannot be reached, or does not respond.
    """

    def progress(line: str) -> None:
        node, _, step = line.partition("\t")
        report(node, step, "")

    report(shell.host.name, "connect to Ray", "")
    words = [f"{name}={value}" for name, value in variables.items()]
    command = ["env", *words, python, "-m", PROGRAM, json.dumps(given)]
    return Examination.of(
        run_program(shell, command, step=STEP, timeout_s=TIMEOUT_S, on_progress=progress)
    )
