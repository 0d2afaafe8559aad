"""Say which checkpoint a command uses, and whether the run has a better one."""

from typing import Any

from distnet.cli.output import say
from distnet.report.best import better_than
from distnet.report.run import read_run
from distnet.run_folder.paths import RunFolder


def say_checkpoint(folder: RunFolder, step: int) -> dict[str, Any]:
    """Say on stderr which checkpoint is in use, and whether another one was better.

    Returns:
        The same as plain values.
    """
    say(f"using the checkpoint of step {step:,}")
    better = better_than(read_run(folder), step)
    if better is not None:
        say(f"note: {better.text}; {better.remedy}")
    return {"step": step, "better": better and better.to_dict()}
