import json

import pytest

from distnet.cli.main import main


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0

    schema = json.loads(capsys.readouterr().out)
    assert schema["required"] == ["name", "network"]


def test_the_schema_stands_on_one_line_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--json"]) == 0

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["title"] == "distnet job file"
