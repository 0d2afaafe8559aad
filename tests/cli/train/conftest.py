import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from distnet.run_folder.lock import held
from distnet.run_folder.paths import RunFolder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run in runs/ that no process trains."""
    monkeypatch.chdir(tmp_path)
    folder = RunFolder(Path("runs/digits-1"))
    folder.path.mkdir(parents=True)
    folder.plan.write_text('{"slices": 4, "job_folder": ".", "precision": "fp32"}')
    attempt = {"kind": "attempt", "attempt": 1, "launch": "ray", "workers": 2, "step": 0}
    folder.metrics.write_text(json.dumps(attempt) + "\n")
    return folder


@pytest.fixture
def trained(run: RunFolder) -> Iterator[RunFolder]:
    """A run that this process trains."""
    with held(run):
        yield run
