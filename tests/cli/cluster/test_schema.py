import json

import pytest

from distnet.cli.main import main


def test_the_schema_of_cluster_files_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cluster", "schema", "--json"]) == 0

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["title"] == "distnet cluster file"
