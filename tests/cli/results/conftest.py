from pathlib import Path

import pytest

from tests.run_folder.run_folders import STARTED, digits_run, failed_run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    digits_run(folder / "digits-1", started=STARTED + 10)
    digits_run(folder / "digits-2", seed=1, rate=0.5, started=STARTED + 20)
    failed_run(folder / "broken-net")
    return folder
