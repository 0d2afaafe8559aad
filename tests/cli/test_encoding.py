"""Any text is printed on any terminal: what its encoding lacks is replaced."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from distnet.cli.encoding import is_unicode, print_anything
from distnet.cli.output import print_json, say

TEXT = "日本 café … 😀 \udcff ▂█"


def terminal(monkeypatch: pytest.MonkeyPatch, encoding: str) -> io.BytesIO:
    """What stdout and stderr of this encoding receive."""
    received = io.BytesIO()
    stream = io.TextIOWrapper(received, encoding=encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    print_anything()
    return received


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", rb"\u65e5\u672c caf\xe9 ... \U0001f600 \udcff .#"),
        ("latin-1", b"\\u65e5\\u672c caf\xe9 ... \\U0001f600 \\udcff .#"),
        ("utf-8", "日本 café … 😀 ".encode() + rb"\udcff" + " ▂█".encode()),
    ],
)
def test_what_the_encoding_lacks_is_replaced(
    encoding: str, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    received = terminal(monkeypatch, encoding)

    say(TEXT)

    assert received.getvalue() == expected + b"\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_stays_json(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    received = terminal(monkeypatch, encoding)

    print_json({TEXT: TEXT})

    assert json.loads(received.getvalue().decode(encoding)) == {TEXT: TEXT}


def test_which_streams_take_everything() -> None:
    found = [is_unicode(io.TextIOWrapper(io.BytesIO(), e)) for e in ("utf-8", "cp1252", "ascii")]

    assert found == [True, False, False]


def test_an_import_ends_well_on_an_ascii_terminal(tmp_path: Path) -> None:
    rows = "".join(f"{i},{'日本' if i % 2 else 'café'}\n" for i in range(40))
    (tmp_path / "t.csv").write_text("größe,label\n" + rows, "utf-8")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    words = ["-m", "distnet.cli", "data", "import", "t.csv", "ds"]

    ended = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, check=False
    )

    assert (ended.returncode, b"Traceback" in ended.stderr) == (0, False)
    assert rb"\u65e5\u672c" in ended.stdout
    assert ended.stdout.isascii()
