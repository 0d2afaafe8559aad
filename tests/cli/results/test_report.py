"""`distnet report` as a person types it."""

from pathlib import Path

from tests.cli.results.command import call, parsed


def test_report_writes_the_page_and_prints_where(runs: Path) -> None:
    result = call("report", "broken-net", runs=runs)

    assert result.stdout.strip() == str(runs / "broken-net" / "report.html")
    assert (runs / "broken-net" / "report.html").is_file()


def test_report_prints_the_files_as_json(runs: Path) -> None:
    written = parsed("report", str(runs / "broken-net"), runs=runs.parent)

    assert written["run"] == "broken-net"
    assert Path(written["report"]).is_file()
    assert all(Path(figure).is_file() for figure in written["figures"])
    assert len(written["figures"]) == 5
