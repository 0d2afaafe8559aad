"""Traces of recorded jobs in CSV or JSON Lines; `swf.py` reads the Standard Workload Format.

Columns, or keys of the object on each line:

    submit_s      submission time in seconds, from any origin               required
    runtime_s     run time with its maximum number of workers               required
    workers       number of workers; or min_workers and max_workers         1
    cpus, gpus    of each worker                                            1, 0
    gpu           types of GPU that will do, with spaces between them       any
    labels        that its nodes must have: zone=a rack=3                   none
    user, team    who submitted it                                          user, team
    priority      -1000 to 1000                                             0
    expected_s    the user's estimate of runtime_s; empty: none given         runtime_s
    preemptible   true or false                                             true
"""

import csv
import gzip
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from distnet.sim.load import Load, SimError, SimJob, make_load
from distnet.sim.swf import read_swf
from distnet.spec.selector import Selector

MAX_FAULTS = 10
REQUIRED = ("submit_s", "runtime_s")
Row = Mapping[str, object]


def read_trace(path: Path) -> Load:
    """Read a trace: .csv, .jsonl or .swf, or one of these with .gz.

    Raises:
        SimError: the trace is invalid; each fault as `file:line column: found, expected`.
    """
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    lines = _read(path).splitlines()
    if kind == ".swf":
        return read_swf(lines, str(path))
    if kind not in (".csv", ".jsonl"):
        raise SimError(f"{path}: found {kind or 'no suffix'}, expected .csv, .jsonl or .swf")
    rows = _csv_rows(lines, path) if kind == ".csv" else _json_rows(lines, path)
    return make_load(_jobs(rows, path), str(path))


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except OSError as error:
        raise SimError(f"{path}: {error.strerror or error}, expected a trace") from None
    except (UnicodeDecodeError, EOFError):
        raise SimError(f"{path}: found something other than UTF-8 text, expected a trace") from None


def _csv_rows(lines: Iterable[str], path: Path) -> Iterator[tuple[int, Row]]:
    reader = csv.DictReader(io.StringIO("\n".join(lines)), skipinitialspace=True)
    columns = reader.fieldnames or ()
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise SimError(f"{path}:1 found no column {missing[0]}, expected {' and '.join(REQUIRED)}")
    for row in reader:
        if None in row:
            raise SimError(
                f"{path}:{reader.line_num} found more fields than {len(columns)} columns"
            )
        yield reader.line_num, {name: text or "" for name, text in row.items()}


def _json_rows(lines: Iterable[str], path: Path) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise SimError(f"{path}:{number} found {line[:40]!r}, expected one JSON object")
        yield number, {name: "" if value is None else value for name, value in row.items()}


def _jobs(rows: Iterable[tuple[int, Row]], path: Path) -> list[SimJob]:
    jobs, faults = [], []
    for number, row in rows:
        try:
            jobs.append(_job(row))
        except ValueError as error:
            faults.append(f"{path}:{number} {error}")
            if len(faults) == MAX_FAULTS:
                break
    if faults:
        raise SimError("\n".join(faults))
    return jobs


def _job(row: Row) -> SimJob:
    unknown = sorted(row.keys() - _COLUMNS.keys())
    if unknown:
        raise ValueError(f"{unknown[0]}: unknown, expected {', '.join(_COLUMNS)}")
    facts = {name: _COLUMNS[name](name, value) for name, value in row.items() if value != ""}
    for name in REQUIRED:
        if name not in facts:
            raise ValueError(f"{name}: found nothing, expected a number of seconds")
    workers = facts.pop("workers", None)
    if workers is not None:
        facts = {"min_workers": workers, "max_workers": workers} | facts
    most = facts.setdefault("max_workers", facts.get("min_workers", 1))
    least = facts.setdefault("min_workers", most)
    if least > most:  # type: ignore[operator]
        raise ValueError(f"min_workers: found {least}, expected at most the max_workers of {most}")
    facts["selector"] = _selector(facts.pop("gpu", ()), facts.pop("labels", ()))
    facts["is_preemptible"] = facts.pop("preemptible", True)
    unsaid = math.inf if "expected_s" in row else facts["runtime_s"]
    facts.setdefault("expected_s", unsaid)
    return SimJob(**facts)  # type: ignore[arg-type]


def _selector(gpus: object, labels: object) -> Selector | None:
    found = Selector(tuple(gpus), tuple(labels))  # type: ignore[arg-type]
    return None if found == Selector() else found


def _number(
    least: float, most: float, *, is_whole: bool = False
) -> Callable[[str, object], object]:
    """Make a reader of numbers from `least` to `most`."""

    def read(name: str, value: object) -> object:
        kind = "a whole number" if is_whole else "a number"
        try:
            number = float(str(value))
        except ValueError:
            number = math.nan
        if not least <= number <= most or (is_whole and number % 1):
            upper = "" if math.isinf(most) else f" to {most:g}"
            raise ValueError(f"{name}: found {value!r}, expected {kind} from {least:g}{upper}")
        return int(number) if is_whole else number

    return read


def _text(name: str, value: object) -> object:
    if not isinstance(value, str | int):
        raise ValueError(f"{name}: found {value!r}, expected a name")
    return str(value).strip()


def _words(name: str, value: object) -> object:
    return tuple(str(_text(name, value)).split())


def _pairs(name: str, value: object) -> object:
    pairs = [word.partition("=") for word in str(_text(name, value)).split()]
    if not all(label and text for label, _, text in pairs):
        raise ValueError(f"{name}: found {value!r}, expected labels such as zone=a")
    return tuple(sorted((label, text) for label, _, text in pairs))


def _flag(name: str, value: object) -> object:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    flag = known.get(str(value).strip().lower())
    if flag is None:
        raise ValueError(f"{name}: found {value!r}, expected true or false")
    return flag


_WORKERS = _number(1, 1e6, is_whole=True)
_COLUMNS: dict[str, Callable[[str, object], object]] = {
    "submit_s": _number(-1e12, 1e12),
    "runtime_s": _number(0, 1e10),
    "workers": _WORKERS,
    "min_workers": _WORKERS,
    "max_workers": _WORKERS,
    "cpus": _number(1, 1e6, is_whole=True),
    "gpus": _number(0, 1e4, is_whole=True),
    "gpu": _words,
    "labels": _pairs,
    "user": _text,
    "team": _text,
    "priority": _number(-1000, 1000, is_whole=True),
    "expected_s": _number(0, 1e10),
    "preemptible": _flag,
}
