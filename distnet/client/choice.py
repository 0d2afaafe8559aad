"""Which checkpoints of a server's job are copied."""

from collections.abc import Collection

from distnet.client.run_copy import Choose
from distnet.errors import RunError
from distnet.report.best import best_kept, keeps_best
from distnet.report.run import read_run
from distnet.run_folder.paths import RunFolder

NEWEST, BEST, ALL, NONE = "newest", "best", "all", "none"


def choice(folder: RunFolder, checkpoint: str | None) -> Choose:
    """Choose among the checkpoints of a run whose records are here.

    Args:
        folder: its folder.
        checkpoint: `newest`, `best`, `all`, `none`, or a step; by default the newest, and the best
            one as well if the job keeps it.
    """

    def choose(names: list[str]) -> Collection[str]:
        if checkpoint in (ALL, NONE) or not names:
            return names if checkpoint == ALL else ()
        if checkpoint == NEWEST:
            return names[-1:]
        if checkpoint is not None and checkpoint.isdecimal():
            return [_of_step(folder, names, int(checkpoint))]
        run = read_run(folder)
        best = best_kept(run, names)
        if checkpoint == BEST:
            if best is None:
                raise RunError(f"{folder.name}: none of its checkpoints was evaluated; name a step")
            return [best]
        if checkpoint is not None:
            raise RunError(
                f"--checkpoint {checkpoint}: expected newest, best, all, none, or a step"
            )
        return {names[-1], best or names[-1]} if keeps_best(run) else names[-1:]

    return choose


def _of_step(folder: RunFolder, names: list[str], step: int) -> str:
    name = f"step-{step:08d}"
    if name not in names:
        steps = ", ".join(str(int(name.removeprefix("step-"))) for name in names)
        raise RunError(f"{folder.name}: no checkpoint of step {step}; the server has: {steps}")
    return name
