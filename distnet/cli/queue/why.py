"""`distnet why`."""

import time

from distnet.cli.connect import connect
from distnet.cli.options import AsJson, Context, Job, Server
from distnet.cli.output import echo, one_line, print_json
from distnet.cli.queue.jobs import state_text
from distnet.client.client import Json
from distnet.report.text import local_time
from distnet.scheduler.format import format_duration


def why(job: Job, server: Server = None, context: Context = None, as_json: AsJson = False) -> None:
    """Explain why a job is waiting and when it should start.

    It names the jobs ahead of it, the jobs that use what it needs, and what would start it now.
    """
    reply = connect(server, context).why(job)
    if as_json:
        print_json(reply)
        return
    for name, text in _reasons(reply, time.time()):
        echo(f"{name:<12} {one_line(text)}" if name else one_line(text))


def _reasons(reply: Json, now: float) -> list[tuple[str, str]]:
    at, error_s = reply["starts_at"], reply["error_s"]
    lines = [("", _state(reply))]
    if reply["ahead"]:
        lines.append(("behind", ", ".join(reply["ahead"])))
    if reply["holders"]:
        lines.append(("blocked by", ", ".join(reply["holders"])))
    if at is not None:
        error = f", give or take {format_duration(error_s)}" if error_s is not None else ""
        lines.append(
            ("starts", f"in about {format_duration(max(0.0, at - now))}, {local_time(at)}{error}")
        )
    if reply["would_start"]:
        lines.append(("to start now", reply["would_start"]))
    return lines


def _state(reply: Json) -> str:
    if reply["state"] == "finished":
        return f"{reply['job']} has finished"
    position = "" if reply["position"] is None else f"number {reply['position']:,} in the queue, "
    return f"{reply['job']} is {position}{state_text(reply['state'], reply['reason'])}"
