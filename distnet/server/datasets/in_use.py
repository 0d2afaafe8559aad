"""Which datasets open and recurring jobs have; each job file is read once."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from distnet.server.ledger import texts
from distnet.server.state.mirror import Mirror
from distnet.spec.content import PREFIX

MENTIONED = re.compile(rf"{PREFIX}([0-9a-f]{{64}})")
NONE: frozenset[str] = frozenset()


class DatasetsInUse:
    """The datasets of open and recurring jobs, which their texts mention."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._known: Mapping[str, frozenset[str]] = {}
        """Datasets by the sha256 of the job file; replaced, never changed."""

    def now(self) -> frozenset[str]:
        """Those of this moment; job files are read while the mirror is not locked."""
        with self._mirror.locked():
            specs, requests = self._texts()
        return self._mentioned(specs, requests)

    @contextmanager
    def locked(self) -> Iterator[frozenset[str]]:
        """Yield them; no job is submitted meanwhile."""
        self.now()  # so that hardly any job file is left to be read
        with self._mirror.locked():
            yield self._mentioned(*self._texts())

    def _texts(self) -> tuple[set[str], list[Mapping[str, Any]]]:
        specs = {job.spec for job in self._mirror.jobs.values()}
        return specs, [schedule.request for schedule in self._mirror.schedules.values()]

    def _mentioned(self, specs: set[str], requests: Iterable[Mapping[str, Any]]) -> frozenset[str]:
        known = self._known
        if new := specs - known.keys():
            known = {spec: known.get(spec, NONE) for spec in specs} | self._read(new)
            self._known = known
        of_schedules = (_datasets(json.dumps(request)) for request in requests)
        return NONE.union(*(known[spec] for spec in specs), *of_schedules)

    def _read(self, specs: Iterable[str]) -> dict[str, frozenset[str]]:
        with self._mirror.ledger.reading() as tx:
            found = texts.texts_with(tx, PREFIX, specs)
            return {sha: _datasets(text) for sha, text in found}


def _datasets(text: str) -> frozenset[str]:
    return frozenset(MENTIONED.findall(text))
