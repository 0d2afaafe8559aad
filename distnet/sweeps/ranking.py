"""A sweep here as it stands, read from the folders of its runs."""

from distnet.protocol.metrics import finite
from distnet.protocol.sweeps import STOPPED_EARLY, SweepResponse, TrialResponse
from distnet.report.measured import compared_by
from distnet.report.run import Run
from distnet.report.summary import summarise
from distnet.sweeps.halving import ENDED, WAITING, read_trial, read_trials, standing, state_of
from distnet.sweeps.record import SweepFolder, Trial


def rank(sweep: SweepFolder) -> SweepResponse:
    """Read every trial, and put them in the order of their headline metric.

    Raises:
        RunError: a file of a run is damaged.
    """
    runs = read_trials(sweep)
    measured = [compared_by(run) for run in runs.values() if run is not None]
    headline = next((one for one in measured if one is not None), None)
    out = standing(sweep, runs).stopped_early
    rows = [_row(sweep, trial, runs[trial.name]) for trial in sweep.trials]
    return SweepResponse.ranked(
        sweep.name,
        [_stopped_early(row) if row.name in out else row for row in rows],
        headline.metric if headline else None,
        headline.split if headline else None,
        rungs=sweep.contents.rungs,
    )


def row_of(sweep: SweepFolder, trial: Trial) -> TrialResponse:
    """The row of one trial.

    Raises:
        RunError: a file of its run is damaged.
    """
    return _row(sweep, trial, read_trial(sweep, trial))


def _stopped_early(row: TrialResponse) -> TrialResponse:
    return row if row.state in ENDED else row.model_copy(update={"state": STOPPED_EARLY})


def _row(sweep: SweepFolder, trial: Trial, run: Run | None) -> TrialResponse:
    refusal = sweep.contents.refused.get(trial.name)
    if run is None:
        state = WAITING if refusal is None else "failed"
        return TrialResponse(name=trial.name, changes=trial.changes, state=state, error=refusal)
    summary, headline = summarise(run), compared_by(run)
    return TrialResponse(
        name=trial.name,
        changes=trial.changes,
        state=state_of(run),
        value=finite(headline.value) if headline else None,
        step=summary.steps,
        seconds=summary.seconds,
        error=summary.error,
    )
