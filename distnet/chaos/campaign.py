"""All trials: the undisturbed run, then one run after the other under seeded faults."""

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from distnet.chaos.driver import Command
from distnet.chaos.family import Family
from distnet.chaos.faults import RAYLET, Fault, draw_faults
from distnet.chaos.nodes import TwoNodes, two_nodes
from distnet.chaos.remains import Remains
from distnet.chaos.request import Request
from distnet.chaos.results import Results, TrialResult, read_results, write_results
from distnet.chaos.strike import MissedError
from distnet.chaos.trial import Outcome, Show, Trial
from distnet.chaos.undisturbed import Undisturbed, run_undisturbed
from distnet.errors import RunError
from distnet.run_folder.paths import RunFolder
from distnet.spec.read import read_job
from distnet.spec.sections.job import Job

STALL_LIMIT_S = 180.0
"""The heartbeats of a run may stay the same for this long, plus the time that it took undisturbed
and the hang limit of the job."""
MAX_MISSES = 6


def run_trials(request: Request, runs: Path | None, show: Show) -> Iterator[Results]:
    """Run the trials that are left; `chaos.json` is complete after each.

    Args:
        request: the campaign.
        runs: where the run folders go; one that holds `chaos.json` of the same request is resumed.
            By default a new folder under `runs`.
        show: receives what is waited for.

    Yields:
        The results so far: at the beginning, after the undisturbed run, and after every trial.

    Raises:
        DistnetError: the job fails even without faults, or is too short for any fault.
    """
    session = f"chaos-{request.seed}-{secrets.token_hex(3)}"
    folder = Path("runs") / session if runs is None else runs
    results = read_results(folder, request) or Results(session, str(folder), request)
    yield results
    folder.mkdir(parents=True, exist_ok=True)
    command = Command(Path(request.job), folder, request.workers, request.overrides)
    if results.undisturbed is None:
        show("the undisturbed run")
        name = _fresh(command, f"{results.session}-undisturbed")
        results = replace(results, undisturbed=run_undisturbed(command, name))
        write_results(results)
        yield results
    assert results.undisturbed is not None
    with contextlib.ExitStack() as stack:
        campaign = Campaign(results, command, results.undisturbed, stack, show)
        for trial in range(len(results.trials), request.trials):
            made = campaign.run_trial(trial)
            results = replace(results, trials=(*results.trials, made))
            write_results(results)
            yield results


class Campaign:
    """Runs single trials.

    Args:
        results: those so far, with the request.
        command: of the job.
        undisturbed: the run that all others are compared with.
        stack: ends the nodes that trials share.
        show: receives what is waited for.
    """

    def __init__(
        self,
        results: Results,
        command: Command,
        undisturbed: Undisturbed,
        stack: contextlib.ExitStack,
        show: Show,
    ) -> None:
        self._request, self._session = results.request, results.session
        self._command, self._undisturbed = command, undisturbed
        self._stack, self._show = stack, show
        self._job: Job = read_job(command.job, overrides=command.overrides).job
        self._nodes: TwoNodes | None = None

    def run_trial(self, trial: int) -> TrialResult:
        """Run one trial; its faults are drawn again if the run ended before they struck.

        Raises:
            RunError: they never struck.
        """
        for misses in range(MAX_MISSES):
            faults = draw_faults(
                self._request.kinds,
                seed=self._request.seed,
                trial=trial,
                count=self._request.faults,
                num_steps=self._undisturbed.steps,
                misses=misses,
            )
            with contextlib.suppress(MissedError):
                return self._try(trial, misses, faults)
        raise RunError(
            f"{self._command.job}: the run ended before its faults struck, {MAX_MISSES} times "
            "in a row; train it for longer, as with --set train.steps=5000"
        )

    def _try(self, trial: int, misses: int, faults: Sequence[Fault]) -> TrialResult:
        """Run one trial, and remove what it left behind.

        Raises:
            MissedError: the run ended before its faults struck.
        """
        nodes = self._two_nodes() if any(fault.kind == RAYLET for fault in faults) else None
        again = f"-again-{misses}" if misses else ""
        name = _fresh(self._command, f"{self._session}-{trial + 1:03}{again}")
        family, began = Family(name), time.monotonic()
        remains = Remains(family, nodes)
        try:
            outcome = self._make(name, family, nodes, trial).run(faults)
            seconds = time.monotonic() - began
            self._show_trial(trial, "checking for leftovers")
            left = remains.wait()
        finally:
            remains.remove()
        return self._judge(
            outcome, trial=trial, run=name, misses=misses, remains=left, seconds=seconds
        )

    def _make(self, name: str, family: Family, nodes: TwoNodes | None, trial: int) -> Trial:
        allowed = self._undisturbed.seconds + 2 * self._job.retry.hang.after
        return Trial(
            self._command,
            name,
            family=family,
            nodes=nodes,
            stall_limit_s=STALL_LIMIT_S + allowed,
            show=lambda text: self._show_trial(trial, text),
        )

    def _judge(
        self,
        outcome: Outcome,
        *,
        trial: int,
        run: str,
        misses: int,
        remains: tuple[str, ...],
        seconds: float,
    ) -> TrialResult:
        """Compare with the undisturbed run; a passed trial needs its checkpoints no more."""
        weights = outcome.result.get("weights_sha256")
        result = TrialResult(
            trial=trial,
            run=run,
            hits=outcome.hits,
            misses=misses,
            seconds=seconds,
            weights_sha256=weights,
            is_equal=weights == self._undisturbed.weights_sha256,
            remains=remains,
            error=outcome.error,
        )
        if result.is_passed:
            folder = RunFolder(self._command.runs / run)
            shutil.rmtree(folder.checkpoints, ignore_errors=True)
        return result

    def _two_nodes(self) -> TwoNodes:
        """The nodes of all trials that need them, both up."""
        if self._nodes is None:
            self._show("starting two Ray nodes")
            nodes = two_nodes(
                f"{self._session}-nodes",
                workers=self._undisturbed.workers,
                cpus=self._job.num_cpus,
            )
            self._nodes = self._stack.enter_context(nodes)
        self._nodes.wait()
        return self._nodes

    def _show_trial(self, trial: int, text: str) -> None:
        self._show(f"trial {trial + 1} of {self._request.trials}: {text}")


def _fresh(command: Command, name: str) -> str:
    """Remove what an interrupted command may have left under this name."""
    shutil.rmtree(command.runs / name, ignore_errors=True)
    return name
