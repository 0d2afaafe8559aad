"""Run one attempt, from its configuration to its exit record.

config <- server;  code -> runs/.code;  train in runs/<job>;  reports -> server;  exit -> server
"""

import os
from pathlib import Path

from distnet.agent.connection import Connection, retry_until_reachable
from distnet.agent.dataset import Download
from distnet.agent.exit_code import ExitCode
from distnet.agent.log_lines import LogLines, with_log_command
from distnet.agent.node_commands import NodeCommands
from distnet.agent.output import append_to_run_log, captured_in, print_line
from distnet.agent.progress import Progress
from distnet.agent.reporter import Reporter
from distnet.agent.run_control import RunControl
from distnet.agent.streams import Streams
from distnet.agent.training import Training
from distnet.launch.placement import Placement
from distnet.launch.rung import Rung
from distnet.protocol.attempt import AttemptConfig, Exit
from distnet.protocol.states import AttemptEnd
from distnet.run_folder.owner import Owner, write_owner
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.records.recorder import Record


class Listener:
    """Takes each record of the training: updates the progress, prints a line, stops at a rung.

    Args:
        progress: of the attempt.
        rung: at which the attempt ends.
        folder: the run folder, which gets to know whose it is.
        owner: the job.
    """

    def __init__(self, progress: Progress, rung: Rung, folder: RunFolder, owner: Owner) -> None:
        self._progress, self._rung = progress, rung
        self._folder, self._owner = folder, owner
        self._line_of = LogLines()
        self.last_line = ""

    def __call__(self, record: Record) -> None:
        """Take one record."""
        is_new = record["kind"] == "attempt" and not self._folder.owner.is_file()
        if is_new:  # before this record there may be no folder
            write_owner(self._folder, self._owner)
        self._progress(record)
        self._rung(record)
        if text := self._line_of(record):
            self.last_line = with_log_command(text, self._owner.job)
            print_line(self.last_line)


def run_attempt(config: AttemptConfig, connection: Connection, scratch: Path) -> int:
    """Train as configured, and report to the server meanwhile; returns the exit code.

    Args:
        config: of the attempt.
        connection: to the server.
        scratch: a folder on this machine, for this attempt only.
    """
    folder, output = RunFolder(Path(config.runs) / config.job), scratch / "output.log"
    placement = Placement(config.placement)
    progress, control = Progress(folder, placement, config.rungs), RunControl(folder, placement)
    next_rung = (*config.rungs, 1.0)[config.passed_rungs]
    owner = Owner(config.server_id, config.job)
    listener = Listener(progress, Rung(folder, next_rung), folder, owner)
    streams = Streams(folder, output=output, kept=config.kept)
    reporter = Reporter(
        connection,
        progress,
        streams,
        control,
        every_s=config.report_every_s,
        end_at_once=_exit_process,
        run_commands=NodeCommands(folder, scratch, streams.add).carry_out,
    )
    training = Training(
        config,
        scratch,
        placement=placement,
        listener=listener,
        fetch_code=lambda: retry_until_reachable(connection.code),
        provide=Download(connection, lambda: control.is_stop_requested).provided,
        is_stopped=lambda: control.is_stop_requested,
    )
    with captured_in(output):
        print_line(f"attempt {config.attempt} of {config.job}")
        reporter.start()
        ended = training.run()
        control.is_over = True
        print_line(_end_line(ended, listener.last_line))
        append_to_run_log(output, folder)
        is_heard = reporter.finish(ended)
    if not is_heard:
        return ExitCode.UNHEARD
    return ExitCode.FAILED if ended.end is AttemptEnd.FAILED else 0


def _exit_process() -> None:
    """Exit now; Ray then ends the workers, and the lock of the run folder is released."""
    os._exit(ExitCode.OVER)


def _end_line(ended: Exit, last_line: str) -> str:
    """How the attempt ended, without the line of its error that was just printed."""
    first, _, rest = (ended.error or "").partition("\n")
    if first and first.rstrip(":;") in last_line:
        return f"{ended.end}\n{rest}".rstrip()
    return f"{ended.end}: {ended.error}" if ended.error else str(ended.end)
