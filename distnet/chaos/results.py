"""The results of the trials, and the file that keeps them."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from distnet.chaos.request import Request
from distnet.chaos.summary import summarise
from distnet.chaos.undisturbed import Undisturbed
from distnet.errors import RunError
from distnet.run_folder.write import write_whole

FILE = "chaos.json"


@dataclass(frozen=True)
class Hit:
    """A fault that struck, and what followed."""

    kind: str
    step: int
    """At which it was to strike."""
    reached: int
    """Steps completed when it ended training."""
    attempt: int
    """The attempt that it hit."""
    target: str
    recovery_s: float | None = None
    """From the fault until the first new step; None if there was none."""
    restarted_at: int | None = None

    @property
    def recomputed(self) -> int | None:
        """Steps that had to be repeated."""
        return None if self.restarted_at is None else self.reached - self.restarted_at


@dataclass(frozen=True)
class TrialResult:
    """One trial."""

    trial: int
    """Counts from 0."""
    run: str
    hits: tuple[Hit, ...]
    misses: int
    """How often the run ended before the faults struck, so that earlier ones were drawn."""
    seconds: float
    weights_sha256: str | None
    is_equal: bool
    """Whether the weights are those of the undisturbed run."""
    remains: tuple[str, ...] = ()
    """Processes, placement groups and folders that were left behind."""
    error: str | None = None
    """Why the run did not finish."""

    @property
    def is_passed(self) -> bool:
        """Whether it ended as if nothing had happened."""
        return self.is_equal and self.error is None and not self.remains


@dataclass(frozen=True)
class Results:
    """The results so far."""

    session: str
    """The prefix of all run names."""
    folder: str
    """Of the run folders."""
    request: Request
    undisturbed: Undisturbed | None = None
    trials: tuple[TrialResult, ...] = field(default=())

    @property
    def is_complete(self) -> bool:
        """Whether all trials were run."""
        return len(self.trials) >= self.request.trials

    @property
    def is_passed(self) -> bool:
        """Whether all trials were run and passed."""
        return self.is_complete and all(trial.is_passed for trial in self.trials)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the summary."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        for trial, values in zip(self.trials, plain["trials"], strict=True):
            values["is_passed"] = trial.is_passed
            for hit, facts in zip(trial.hits, values["hits"], strict=True):
                facts["recomputed"] = hit.recomputed
        return {**plain, "summary": summarise(plain["trials"])}


def write_results(results: Results) -> None:
    """Write `chaos.json`.

    Raises:
        RunError: it cannot be written.
    """
    write_whole(
        Path(results.folder) / FILE, (json.dumps(results.to_dict(), indent=2) + "\n").encode()
    )


def read_results(folder: Path, request: Request) -> Results | None:
    """Read the results of an earlier command with the same request; None without one.

    Raises:
        RunError: the file is damaged, or of another request.
    """
    path = folder / FILE
    try:
        plain = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _not_usable(path, f"damaged ({error})") from None
    try:
        results = _from_plain(plain)
    except (KeyError, TypeError) as error:
        raise _not_usable(path, f"damaged ({type(error).__name__}: {error})") from None
    if replace(results.request, trials=request.trials) != request:
        raise _not_usable(path, "the trials of another job, seed or choice of faults")
    return replace(results, folder=str(folder), request=request)


def _from_plain(plain: dict[str, Any]) -> Results:
    request = dict(plain["request"])
    request |= {key: tuple(request[key]) for key in ("kinds", "overrides")}
    undisturbed = plain["undisturbed"]
    return Results(
        session=str(plain["session"]),
        folder=str(plain["folder"]),
        request=Request(**request),
        undisturbed=Undisturbed(**undisturbed) if undisturbed else None,
        trials=tuple(_trial(values) for values in plain["trials"]),
    )


def _trial(plain: dict[str, Any]) -> TrialResult:
    values = {key: value for key, value in plain.items() if key != "is_passed"}
    hits = tuple(
        Hit(**{key: value for key, value in hit.items() if key != "recomputed"})
        for hit in values["hits"]
    )
    return TrialResult(**values | {"hits": hits, "remains": tuple(values["remains"])})


def _not_usable(path: Path, found: str) -> RunError:
    return RunError(f"{path}: found {found}; choose another folder with --runs, or remove this one")
