"""The reports of jobs' runs, drawn on request by a process of their own.

run folder -> copy of its records in a temporary folder -> distnet.report.process -> page

No attempt draws one: it would hold nodes meanwhile, and a job that trains has no page yet. The page
is kept in memory until the records change.
"""

import os
import subprocess
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distnet.protocol.errors import NotFoundError, TooLargeError, UnavailableError
from distnet.protocol.run_files import RunFile
from distnet.run_folder.copies.fetched import Fetched, write_fetched
from distnet.run_folder.copies.files import RECORDS, checkpoint_of
from distnet.run_folder.paths import RunFolder
from distnet.server.ledger.records import JobRecord
from distnet.server.run_files.folder import opened
from distnet.server.run_files.run_files import RunFiles, disk_errors
from distnet.server.views.turns import Turns

DRAW_EVERY_S = 30.0
"""The report of a job that trains is not drawn more often."""
PATIENCE_S = 120.0
MOST_BYTES = 300_000_000
"""Of all records together."""
MOST_PAGE_BYTES = 50_000_000
MOST_PAGES = 8
PIECE = 1 << 20
Records = tuple[RunFile, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A report as it was drawn."""

    html: bytes
    drawn_at: float
    records: Records
    """What it was drawn of."""


class Reports:
    """Draws reports, one at a time.

    Args:
        run_files: reads the run folders.
        clock: Unix time.
    """

    def __init__(self, run_files: RunFiles, clock: Callable[[], float]) -> None:
        self._run_files, self._clock = run_files, clock
        self._turns = Turns("reports are drawn")
        self._pages: OrderedDict[str, Page] = OrderedDict()

    def page(self, name: str) -> Page:
        """The report of a job's run, as it is now; of one that trains up to 30 s old.

        Raises:
            NotFoundError: there is no such job, or nothing of its run.
            TooLargeError: its records are too large.
            UnavailableError: `busy`; `no_report`: it cannot be drawn.
        """
        job = self._run_files.job(name)
        listed = self._run_files.list(name).files
        records = tuple(file for file in listed if file.path in RECORDS)
        known = self._pages.get(name)
        if known is not None and self._is_current(known, records, job):
            return known
        with self._turns.take():
            known = self._pages.get(name)
            if known is None or not self._is_current(known, records, job):
                html = self._drawn(job, records, {checkpoint_of(file.path) for file in listed})
                known = self._pages[name] = Page(html, self._clock(), records)
            self._pages.move_to_end(name)
            while len(self._pages) > MOST_PAGES:
                self._pages.popitem(last=False)
        return known

    def _is_current(self, page: Page, records: Records, job: JobRecord) -> bool:
        is_young = 0 <= self._clock() - page.drawn_at < DRAW_EVERY_S
        return page.records == records or (job.state.is_live and is_young)

    def _drawn(self, job: JobRecord, records: Records, checkpoints: set[str | None]) -> bytes:
        if sum(file.num_bytes for file in records) > MOST_BYTES:
            raise TooLargeError(
                f"the records of {job.name} have more than {MOST_BYTES // 1_000_000} MB; draw the "
                f"report on your machine: distnet report {job.name}"
            )
        with tempfile.TemporaryDirectory(prefix="distnet-report-") as scratch:
            copy = RunFolder(Path(scratch) / job.name)
            source = self._run_files.folder(job)
            for name in filter(None, checkpoints):  # only that they are there is of interest
                (copy.checkpoints / name).mkdir(parents=True)
            copy.path.mkdir(exist_ok=True)
            with disk_errors(source):
                for file in records:
                    _copy(source, copy.path, file)
            live, now = job.state.is_live, self._clock()
            write_fetched(copy, Fetched("", "", job.name, job.state, live, now))
            return _draw(copy)


def _copy(source: Path, target: Path, record: RunFile) -> None:
    """Copy one record, as long as it was when it was listed."""
    with opened(source, record.path) as file, (target / record.path).open("wb") as copy:
        left = record.num_bytes
        while left and (piece := os.read(file, min(left, PIECE))):
            copy.write(piece)
            left -= len(piece)


def _draw(run: RunFolder) -> bytes:
    """Draw in a process of its own."""
    command = [sys.executable, "-m", "distnet.report.process", str(run.path)]
    try:
        ended = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        raise _undrawn(run.name, f"it took more than {PATIENCE_S:.0f} s") from None
    if ended.returncode == 2:
        raise NotFoundError(ended.stderr.decode(errors="replace").strip()[-1000:])
    if ended.returncode != 0 or len(ended.stdout) > MOST_PAGE_BYTES:
        lines = ended.stderr.decode(errors="replace").strip().splitlines()
        raise _undrawn(run.name, lines[-1][:500] if lines else "it is too large")
    return ended.stdout


def _undrawn(job: str, why: str) -> UnavailableError:
    return UnavailableError(
        f"the report of {job} cannot be drawn by the server: {why}; draw it on your machine: "
        f"distnet report {job}",
        code="no_report",
    )
