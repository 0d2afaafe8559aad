"""Faults of a job file: what was found, what was expected, and where.

Every stage makes `Fault(key, message)`; `Locations` knows where a key was written and turns faults
into one error that lists them all, one per line: `job.yaml:12 train.epochs: found ...`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache

from distnet.errors import JobFileError

Key = tuple[str | int, ...]
MAX_FAULTS = 100
"""That are listed; of others, only their number is said."""


@dataclass(frozen=True)
class Fault:
    """One mistake in a job file."""

    key: Key
    message: str
    line: int | None = None
    """Its line, for faults without a key (syntax)."""


class FaultsError(JobFileError):
    """Faults found before their file is known."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "\n".join(": ".join(filter(None, [dotted(f.key), f.message])) for f in self.faults)


class KeyFaultError(ValueError):
    """Raised by a validator of a whole section to name the faulty key.

    `key` counts from the section: `KeyFaultError("train.slices", "found 1, expected ...")`.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key: Key = tuple(key.split("."))


@dataclass(frozen=True)
class Locations:
    """Where each key was written: a line of the file, or a `--set` on the command line.

    `overrides` maps a dotted key to the text of its `--set`.
    """

    path: str
    lines: Mapping[Key, int] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)

    def error(self, faults: Iterable[Fault]) -> JobFileError:
        """List the faults in one error, in the order of the file, those of `--set` last."""
        faults = list(faults)
        lines = [text for _, text in sorted({self._locate(one) for one in faults[:MAX_FAULTS]})]
        if len(faults) > MAX_FAULTS:
            lines.append(f"... and {len(faults) - MAX_FAULTS:,} more faults")
        return JobFileError("\n".join(lines))

    def _locate(self, fault: Fault) -> tuple[float, str]:
        if fault.line is not None:
            return fault.line, self._text(fault.line, fault)
        for end in range(len(fault.key), 0, -1):
            parent = fault.key[:end]
            line = self.lines.get(parent)
            override = self._override(parent, made=line is None)
            if override is not None:
                rest = f" {dotted(fault.key)}" if override != dotted(fault.key) else ""
                text = shortened(self.overrides[override])
                return float("inf"), f"--set {text}{rest}: {fault.message}"
            if line is not None:
                return line, self._text(line, fault)
        return 1, self._text(1, fault)

    def _override(self, key: Key, *, made: bool) -> str | None:
        """Find the `--set` that gave `key` its value, or that made it to set a key below."""
        name = dotted(key)
        if name in self.overrides:
            return name
        return next((k for k in self.overrides if made and k.startswith(f"{name}.")), None)

    def _text(self, line: int, fault: Fault) -> str:
        key = f" {dotted(fault.key)}" if fault.key else ""
        return f"{self.path}:{line}{key}: {fault.message}"


@lru_cache(maxsize=64)
def dotted(key: Key) -> str:
    """Write a key with dots: `data.augment.0.pixels`."""
    return ".".join(shortened(str(part)) for part in key)


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Say that `name` is unknown, and name the nearest known one, or all of them."""
    names = list(known)
    nearest = get_close_matches(name, names, n=1)
    if nearest:
        return f"found unknown {what} `{shortened(name)}`, did you mean `{nearest[0]}`?"
    choices = f"one of: {', '.join(names)}" if names else "nothing, as there is none"
    return f"found unknown {what} `{shortened(name)}`, expected {choices}"


def found(value: object) -> str:
    """Describe a value of a job file: text 'ten', 3, true, nothing, a list, a section."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return f"text '{shortened(value)}'"
        case list() | tuple():
            return f"a list of {len(value)}"
        case dict():
            return "a section"
    return shortened(str(value))


def shortened(text: str) -> str:
    """Truncate long text and escape what cannot be printed, so that a message stays one line."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")[1:-1]
