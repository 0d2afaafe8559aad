"""README and notes are true: commands, files and links exist, examples do what is shown."""

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import distnet
from distnet.cli.main import main
from distnet.client.handle import Handle
from distnet.data.manifest import Manifest
from distnet.notebook.run import Run
from distnet.run_folder.paths import WRITTEN
from distnet.run_folder.records.kinds import LINE
from distnet.server.presets import DAY_S, HOUR_S, PRESETS
from distnet.server.settings import MB, Allowance, Limits, Settings
from distnet.server.settings_file import LimitsSection, with_file
from distnet.spec.read import read_job, read_job_text
from distnet.spec.schema import job_schema
from tests.cli.command_lines import command_lines, require_accepted

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
FOLDERS = ("distnet", "jobs", "cluster", "tests")
NOTES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))
PAGES = [ROOT / "README.md", *NOTES]
WIDTH = 100
MOST_LINES = 205
"""Of the README."""
SIX = ("A network", "A field kind", "A figure", "A CLI verb", "An HTTP route", "A scheduling rule")
SAMPLES = '"samples": 0, "samples_hash": "0000000000000000"'
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DECISION = re.compile(r"^## (\d+)\. [^\n]+\n\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)

a_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def block(language: str, containing: str, text: str = README) -> str:
    """The one code block of a language that contains a text."""
    blocks = [code for found, code in BLOCK.findall(text) if found == language]
    [found] = [code for code in blocks if containing in code]
    return str(found)


def commands_of(page: Path) -> list[list[str]]:
    """The words of every command line of distnet that a page shows."""
    text = page.read_text()
    blocks = "".join(code for language, code in BLOCK.findall(text) if not language)
    quoted = re.findall(r"`distnet ([^`]+)`", text.replace("\n", " "))
    return [*command_lines(blocks), *(shlex.split(line, comments=True) for line in quoted)]


def files_named(page: Path) -> Iterator[str]:
    """The files and folders of the repository that a page names, without those of a run."""
    for token in re.findall(r"`([\w.-]+(?:/[\w.-]+)*/?)`", page.read_text()):
        is_path = token.endswith((".py", "/")) or ("/" in token and Path(token).suffix)
        if is_path and not token.startswith((*WRITTEN, "runs/", ".")):
            yield token


@pytest.mark.parametrize("words", commands_of(ROOT / "README.md"), ids=" ".join)
def test_readme_commands_are_accepted(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    require_accepted(words)


@pytest.mark.parametrize("page", ["jobs/README.md", "distnet/data/README.md"])
def test_commands_of_the_pages_for_users_are_accepted(page: str) -> None:
    lines = commands_of(ROOT / page)
    assert lines
    for words in lines:  # some are parts of a command: `distnet eval --split`
        require_accepted(words if len(words) > 2 else words[:1])


def test_readme_names_only_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"(?:^|`)make\s+([a-z]+)", README, re.MULTILINE))

    assert targets >= {"run", "test", "check"}
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= MOST_LINES


def test_readme_shows_the_shipped_job() -> None:
    shown = read_job_text(block("yaml", "name: digits")).job

    assert shown == read_job(ROOT / "jobs" / "digits.yaml").job


def test_readme_shows_the_faults_that_check_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = block("yaml", "name: digits")
    wrong = right.replace("learning_rate: 0.01", "learning_rate: fast").replace("epochs", "epoch")
    (tmp_path / "job.yaml").write_text(wrong)
    monkeypatch.chdir(tmp_path)

    main(["check", "job.yaml"])

    assert (
        capsys.readouterr().err.strip() == block("", "$ distnet check").partition("\n")[2].strip()
    )


def test_readme_shows_keys_of_checkpoints_and_retries_that_a_job_takes() -> None:
    base = "name: digits\nnetwork: {kind: mlp}\ndata: {source: mnist}\n"

    job = read_job_text(base + block("yaml", "checkpoint:")).job

    assert job.checkpoint.every == 60
    assert job.retry.hang.times == 3


def test_readme_shows_settings_that_a_server_takes(tmp_path: Path) -> None:
    (tmp_path / "webhook.key").write_text("0123456789abcdef")
    (tmp_path / "server.yaml").write_text(block("yaml", "policy:"))

    settings = with_file(Settings(ledger="", runs=tmp_path), tmp_path / "server.yaml")

    assert settings.hosts == ("lab.example.org",)
    assert (settings.policy.ageing_s, settings.allowance.priority) == (3600, 3)


def test_readme_network_trains(tmp_path: Path) -> None:
    (tmp_path / "mynet.py").write_text(block("python", "class MyNet"))
    job = tmp_path / "job.yaml"
    job.write_text('name: own\nnetwork: {kind: "./mynet.py:MyNet", width: 8}\ntrain: {steps: 20}\n')

    run = distnet.run(job, inline=True, runs=tmp_path)

    assert run.metrics["test_accuracy"] > 0.3


def test_readme_python_uses_what_there_is() -> None:
    code = block("python", "import distnet")
    owners = {"distnet": distnet, "run": Run, "job": Handle}
    used = re.findall(r"\b(distnet|run|job)\.([a-z_]+)", code.replace("digits.yaml", ""))

    assert len(used) == 8
    for owner, name in used:
        assert hasattr(owners[owner], name)


@pytest.mark.parametrize("section", ["network", "task", "data", "optimizer", "schedule", "train"])
def test_schema_describes_every_section_that_the_readme_shows(section: str) -> None:
    assert section in job_schema()["properties"]


@a_page
def test_lines_fit(page: Path) -> None:
    lines = [line for line in page.read_text().splitlines() if not line.startswith("|")]

    assert [line for line in lines if len(line) > WIDTH and "](" not in line] == []


@a_page
def test_links_and_pictures_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@a_page
def test_files_that_a_page_names_exist(page: Path) -> None:
    roots = (page.parent, ROOT, ROOT / "distnet")

    missing = [name for name in files_named(page) if not any((r / name).exists() for r in roots)]

    assert missing == []


def test_note_says_where_to_add_something() -> None:
    note = (ROOT / "distnet" / "README.md").read_text()

    assert tuple(re.findall(r"^\*\*(.+?)\.\*\* ", note, re.MULTILINE)) == SIX


def test_decisions_have_number_date_reason_and_what_was_rejected() -> None:
    pages = (ROOT / "distnet" / "decisions").glob("*.md")
    found = [decision for page in pages for decision in DECISION.findall(page.read_text())]

    assert sorted(int(number) for number, _ in found) == list(range(1, len(found) + 1))
    for number, text in found:
        assert re.match(r"\d{4}-\d\d-\d\d[.,] ", text), number
        assert "\n- Why: " in text, number
        assert "\n- Rejected" in text, number


def test_note_names_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[\[<>=]", text)[0] for text in project["dependencies"]}
    note = (ROOT / "distnet" / "README.md").read_text()

    assert {name for name in names if f"`{name}`" not in note} == set()


def test_note_on_security_names_the_limits_of_the_server() -> None:
    rows = (ROOT / "distnet" / "server" / "security.md").read_text().splitlines()
    limits, allowance = Limits(), Allowance()
    expected = {
        "connections": f"{limits.connections:,}",
        "connections_per_address": f"{limits.connections_per_address:,}",
        "connections_per_user": f"{limits.connections_per_user:,}",
        "connections_per_attempt": f"{limits.connections_per_attempt:,}",
        "served_per_user": f"{limits.served_per_user:,}",
        "job_file": f"{limits.job_file_bytes // 1000} kB",
        "drafts": f"{limits.drafts:,}",
        "draft": f"{limits.draft_s:g} s",
        "followers_per_user": f"{limits.followers_per_user:,}",
        "unread": f"{limits.unread_bytes // MB} MB",
        "head": f"{limits.head_bytes // 1000} kB",
        "url": f"{limits.url_bytes // 1000} kB",
        "head_within": f"{limits.head_s:g} s",
        "user_per_second": f"{limits.user_per_s:,.0f}/s",
        "address_per_second": f"{limits.address_per_s:,.0f}/s",
        "body": f"{limits.body_bytes // MB} MB",
        "bulk": f"{limits.bulk_bytes // MB} MB",
        "code": f"{limits.code_bytes // MB} MB",
        "log": f"{limits.log_bytes // MB} MB",
        "streams": f"{limits.streams:,}",
        "datasets": f"{limits.dataset_bytes // (1000 * MB)} GB",
        "open_jobs_per_user": f"{allowance.open_jobs:,}",
        "keep": "forever",
    }

    assert expected.keys() == LimitsSection.model_fields.keys()
    for key, value in expected.items():
        [row] = [row for row in rows if row.endswith(f"| `limits.{key}` |")]
        assert f"| {value}" in row, key


def test_note_for_administrators_shows_the_presets() -> None:
    text = (ROOT / "distnet" / "server" / "administration.md").read_text()
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    shown = {row[0].split("`")[1]: [cell.strip("| ") for cell in row[1:]] for row in rows}

    presets = [PRESETS[name] for name in ("team", "lab", "strict")]
    assert shown["ageing"] == [f"{preset.ageing_s / HOUR_S:g}h" for preset in presets]
    assert shown["priority"] == [str(preset.priority) for preset in presets]
    longest = [preset.not_preemptible_s / DAY_S for preset in presets]
    assert shown["not_preemptible"] == [f"{days:g}d" if days else "admins" for days in longest]
    assert shown["grace"] == ["1h", "30m", "10m"]
    assert [preset.grace_s for preset in presets] == [3600.0, 1800.0, 600.0]


def test_note_on_datasets_shows_a_manifest() -> None:
    text = (ROOT / "distnet" / "data" / "README.md").read_text()

    manifest = Manifest.model_validate_json(block("json", '"format": 2', text))

    assert manifest.split("train").num_samples == 33


def test_note_on_run_folders_shows_records() -> None:
    text = (ROOT / "distnet" / "run_folder" / "README.md").read_text()
    records = (
        block("", '"kind": "attempt"', text).replace("<samples>", SAMPLES).replace(",\n ...", "")
    )

    kinds = [_kind(line) for line in re.split(r"\n(?=\{)", records.strip())]

    others = ["checkpoint", "restart", "skip", "note", "end"]
    assert kinds == ["attempt", "step", "epoch", "logged", "final", *others]


def _kind(line: str) -> str:
    facts = json.loads(line)
    if facts["kind"] != "note":
        LINE.validate_python(facts)
    return str(facts["kind"])
