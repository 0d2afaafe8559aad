"""One attempt from its task to its last words.

task <- server;  code -> runs/.code;  train in runs/<job>;  reports -> server;  exit -> server
"""

import os
from pathlib import Path

from distnet.agent.connection import Connection, patiently
from distnet.agent.instructions import Steering
from distnet.agent.log_lines import LogLines, with_log_command
from distnet.agent.output import keep, printed_to, say
from distnet.agent.progress import Progress
from distnet.agent.reporter import Reporter
from distnet.agent.streams import Streams
from distnet.agent.training import Training
from distnet.launch.placement import Placement
from distnet.protocol.attempt import Exit, Task
from distnet.protocol.states import AttemptEnd
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.recorder import Record

FAILED, UNHEARD, GIVEN_UP = 1, 2, 3
"""Exit codes, for those who look at Ray; the server goes by what it is told."""


def carry_out(task: Task, connection: Connection, scratch: Path) -> int:
    """Train as the task says while the server is kept informed; returns the exit code.

    Args:
        task: what to do.
        connection: to the server.
        scratch: a folder on this machine, for this attempt alone.
    """
    folder, output = RunFolder(Path(task.runs) / task.job), scratch / "output.log"
    placement, line_of = Placement(task.placement), LogLines()
    progress, steering = Progress(folder, placement), Steering(folder, placement)
    streams = Streams(folder, output=output, kept=task.kept)
    reporter = Reporter(
        connection, progress, streams, steering, every_s=task.report_every_s, end_at_once=_end
    )

    told = ""

    def listen(record: Record) -> None:
        nonlocal told
        progress(record)
        if text := line_of(record):
            told = with_log_command(text, task.job)
            say(told)

    training = Training(
        task,
        scratch,
        placement=placement,
        listener=listen,
        fetch_code=lambda: patiently(connection.code),
        is_stopped=lambda: steering.is_stop_ordered,
    )
    with printed_to(output):
        say(f"attempt {task.attempt} of {task.job}")
        reporter.start()
        ended = training.carry_out()
        steering.is_over = True
        say(_last_words(ended, told))
        keep(output, folder)
        is_heard = reporter.finish(ended)
    if not is_heard:
        return UNHEARD
    return FAILED if ended.end is AttemptEnd.FAILED else 0


def _end() -> None:
    """End this process at once; Ray then ends the workers of its driver, and the lock is let go."""
    os._exit(GIVEN_UP)


def _last_words(ended: Exit, told: str) -> str:
    """How it ended; the line of its error that was told just before is not told again."""
    first, _, rest = (ended.error or "").partition("\n")
    if first and first.rstrip(":;") in told:
        return f"{ended.end}\n{rest}".rstrip()
    return f"{ended.end}: {ended.error}" if ended.error else str(ended.end)
