"""`distnet server token`: which ledger it may create."""

from pathlib import Path

import pytest

from distnet.cli.main import main


def test_a_ledger_that_is_typed_must_exist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = tmp_path / "ledgre.db"

    assert main(["server", "token", "ada", "--ledger", f"sqlite:///{ledger}"]) == 2

    assert "there is no ledger at" in capsys.readouterr().err
    assert not ledger.exists()


def test_that_of_the_environment_is_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DISTNET_LEDGER", f"sqlite:///{tmp_path / 'ledger.db'}")

    assert main(["server", "token", "ada"]) == 0

    assert capsys.readouterr().out.startswith("dn_")
    assert (tmp_path / "ledger.db").exists()
