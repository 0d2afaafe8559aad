"""Run folders of every kind, made fresh for each test."""

from pathlib import Path

import pytest

from tests.run_folder import run_folders


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    return run_folders.digits_run(tmp_path / "digits")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return run_folders.table_run(tmp_path / "table")


@pytest.fixture
def failed(tmp_path: Path) -> Path:
    return run_folders.failed_run(tmp_path / "failed")


@pytest.fixture
def resumed(tmp_path: Path) -> Path:
    return run_folders.resumed_run(tmp_path / "resumed")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return run_folders.new_run(tmp_path / "new")
