"""Run the commands of users on the nodes of the job, while it trains.

    instruction -> thread -> a task of Ray on each node -> lines of a file -> a log of the job

The output is a log like those of workers: it is sent piece by piece, kept up to the server's limit,
and read again by `distnet logs JOB --stream NAME`.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from distnet.agent.node_program import Output, Program, run_program
from distnet.errors import DistnetError
from distnet.launch.ray.on_node import on_node
from distnet.launch.stacks import live_workers, read_stacks, signal_worker
from distnet.protocol.node_commands import ExecLine, NodeCommand
from distnet.run_folder.code import code_folder
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_plan
from distnet.run_folder.workers.heartbeat import Beat
from distnet.run_folder.workers.node_ids import read_node
from distnet.spec.read import read_job
from distnet.spec.variables import values_of

UNKNOWN = 125
"""The exit code of what could not be run at all."""
SIGNAL_S = 20.0
MOST_NODES_AT_ONCE = 64


@dataclass
class NodeCommands:
    """Runs each command once."""

    folder: RunFolder
    scratch: Path
    """A folder of this machine, for the output."""
    add_stream: Callable[[str, Path], None]
    """Has a file sent as a log of this name."""
    _known: set[str] = field(default_factory=set)

    def carry_out(self, commands: Sequence[NodeCommand]) -> None:
        """Begin to run those that were not begun; their output says that they are."""
        for command in commands:
            if command.stream not in self._known:
                self._known.add(command.stream)
                path = self.scratch / f"{command.stream}.log"
                output = Lines(path)
                self.add_stream(command.stream, path)
                name = f"command {command.stream}"
                threading.Thread(
                    target=self._run, args=(command, output), name=name, daemon=True
                ).start()

    def _run(self, command: NodeCommand, output: "Lines") -> None:
        try:
            beats = self._workers(command.rank)
            if command.argv:
                codes = self._programs(command, beats, output)
            else:
                codes = self._stacks(beats, output)
        except (RayError, DistnetError, OSError, RuntimeError, ValueError) as error:
            output.add(text=f"cannot be run: {error}")
            codes = [UNKNOWN]
        output.add(exit=next(filter(None, codes), 0))

    def _workers(self, rank: int | None) -> list[Beat]:
        """The workers of the newest attempt whose nodes are known.

        Raises:
            ValueError: there are none.
        """
        if not ray.is_initialized():  # Ray would start one of its own
            raise ValueError("the attempt has no workers now")
        beats = [beat for beat in live_workers(self.folder) if read_node(self.folder, beat.rank)]
        found = [beat for beat in beats if rank is None or beat.rank == rank]
        if not found:
            ranks = ", ".join(str(beat.rank) for beat in beats) or "none"
            which = "workers" if rank is None else f"worker {rank}"
            raise ValueError(f"found no {which}; the workers now are {ranks}")
        return found

    def _programs(self, command: NodeCommand, beats: list[Beat], output: "Lines") -> list[int]:
        """Run the program on the node of each of these workers, once a node."""
        first = {read_node(self.folder, b.rank): b.rank for b in reversed(beats)}
        addresses = _addresses()
        job, plan = read_job(self.folder.job).job, read_plan(self.folder)
        program = Program(
            command.argv,
            values_of(job.env, os.environ),
            plan.packages,
            code_folder(self.folder, plan),
            self.folder.path,
            command.timeout_s,
        )

        def run_on(node: str) -> int:
            task = on_node(run_program, node, num_returns="streaming")
            lines = task.remote(program)
            where = {"rank": first[node], "node": addresses.get(node, node[:8])}
            code = UNKNOWN
            try:
                for each in _values(lines):
                    if isinstance(each, int):
                        code = each
                    else:
                        output.add(**where, text=each)
            except RayError as error:
                output.add(**where, text=f"the node is gone: {type(error).__name__}")
            output.add(**where, exit=code)
            return code

        nodes = sorted(first, key=lambda node: first[node])
        with ThreadPoolExecutor(min(len(nodes), MOST_NODES_AT_ONCE)) as threads:
            return list(threads.map(run_on, nodes))

    def _stacks(self, beats: list[Beat], output: "Lines") -> list[int]:
        addresses = _addresses()

        def send(beat: Beat) -> str:
            node = read_node(self.folder, beat.rank)
            task = on_node(signal_worker, node).remote(self.folder, beat)
            return str(ray.get(task, timeout=SIGNAL_S))

        for rank, text in read_stacks(self.folder, beats, send).items():
            node = read_node(self.folder, rank)
            for line in text.splitlines():
                output.add(rank=rank, node=addresses.get(node, node[:8]), text=line)
        return [0]


class Lines:
    """A file of ExecLines; several threads may add to it."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self.add()  # it arrives with the next report, and says that the command was begun

    def add(self, **facts: Any) -> None:
        """Add one line."""
        line = ExecLine(**facts).model_dump_json(exclude_defaults=True)
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


def _values(generator: Any) -> Iterator[Output]:
    for reference in generator:
        yield ray.get(reference)


def _addresses() -> dict[str, str]:
    return {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes()}
