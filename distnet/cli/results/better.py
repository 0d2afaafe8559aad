"""Say which checkpoint a command uses, and whether the run has a better one."""

from typing import Any

from distnet.cli.output import say
from distnet.errors import RunError
from distnet.report.best import better_than
from distnet.report.run import read_run
from distnet.run_folder.paths import RunFolder


def say_checkpoint(folder: RunFolder, step: int) -> dict[str, Any]:
    """Say on stderr which checkpoint is in use, and whether another one was better.

    Returns:
        The same as plain values.
    """
    say(f"using the checkpoint of step {step:,}")
    try:
        better = better_than(read_run(folder), step)
    except RunError as error:  # of the records, which the weights do not need
        better = None
        say(f"note: whether an earlier checkpoint was better is not known: {error}")
    if better is not None:
        say(f"note: {better.text}; {better.remedy}")
    return {"step": step, "better": better and better.to_dict()}
