"""What `exec` and `stacks` print of a job on a server: lines from its nodes, as they come."""

import json
import time
from collections.abc import Iterator

from distnet.cli.output import print_json, write_log
from distnet.client.client import Client, Json
from distnet.errors import DistnetError

WAIT_S = 10.0
POLL_S = 0.2
BEGIN_S = 60.0
"""The agent begins within a report or two, unless the server cannot be reached from the nodes."""


def follow_command(client: Client, job: str, stream: str, *, as_json: bool) -> int:
    """Print the output of a command on the nodes of a job; returns its exit code.

    Raises:
        DistnetError: the job ended, or its attempt did not begin to run the command.
    """
    for line in lines_of(client, job, stream):
        if as_json:
            print_json({"job": job, "stream": stream, **line})
        elif (text := line.get("text")) is not None:
            write_log(f"{_where(line)}{text}\n")
        elif line.get("exit") and "rank" in line:
            write_log(f"{_where(line)}exit code {line['exit']}\n")
        if "rank" not in line and "exit" in line:
            return int(line["exit"])
    raise DistnetError(f"{job} ended before the command did; its log: {_again(job, stream)}")


def lines_of(client: Client, job: str, stream: str) -> Iterator[Json]:
    """The lines of a command's output, as they arrive.

    Raises:
        DistnetError: the attempt did not begin to run the command.
    """
    rest, offset, end = "", 0, time.monotonic() + BEGIN_S
    while True:
        reply = client.stream(job, stream, offset=offset, wait_s=WAIT_S)
        *lines, rest = (rest + reply["text"]).split("\n")
        yield from map(json.loads, filter(None, lines))
        if reply["is_complete"]:
            return
        if reply["next"] == offset:
            time.sleep(POLL_S)  # a server that does not wait must not be flooded
        if reply["next"] == 0 and time.monotonic() > end:
            raise DistnetError(
                f"{job}: its attempt did not begin to run the command within {BEGIN_S:g} s; see: "
                f"distnet why {job}. If it does later, the output is in: {_again(job, stream)}"
            )
        offset = reply["next"]


def _where(line: Json) -> str:
    return f"[{line['rank']} {line['node']}] " if "rank" in line else ""


def _again(job: str, stream: str) -> str:
    return f"distnet logs {job} --stream {stream}"
