"""The README is true: its commands exist, its job is the shipped one, its network trains."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

import distnet
from distnet.cli.main import app
from distnet.server.settings import Settings
from distnet.server.settings_file import with_file
from distnet.spec.read import read_job, read_job_text
from distnet.spec.schema import job_schema

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def block(language: str, containing: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    [found] = [text for text in blocks if containing in text]
    return str(found)


def test_readme_names_only_commands_that_exist() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    named = set(re.findall(r"(?:`|^\$? ?)distnet ([a-z]+)", README, re.MULTILINE))

    assert len(named) >= 10
    assert named <= set(commands)
    for target in re.findall(r"^make ([a-z]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_readme_shows_the_shipped_job() -> None:
    shown = read_job_text(block("yaml", "name: digits")).job

    assert shown == read_job(ROOT / "jobs" / "digits.yaml").job


def test_readme_shows_settings_that_a_server_takes(tmp_path: Path) -> None:
    (tmp_path / "webhook.key").write_text("0123456789abcdef")
    (tmp_path / "server.yaml").write_text(block("yaml", "policy:"))

    settings = with_file(Settings(ledger="", runs=tmp_path), tmp_path / "server.yaml")

    assert settings.hosts == ("lab.example.org",)
    assert settings.policy.ageing_s == 24 * 3600


def test_readme_network_trains(tmp_path: Path) -> None:
    (tmp_path / "mynet.py").write_text(block("python", "class MyNet"))
    job = tmp_path / "job.yaml"
    job.write_text('name: own\nnetwork: {kind: "./mynet.py:MyNet", width: 8}\ntrain: {steps: 20}\n')

    run = distnet.run(job, inline=True, runs=tmp_path)

    assert run.metrics["test_accuracy"] > 0.3


def test_readme_links_and_pictures_exist() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)

    assert targets
    for target in targets:
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("section", ["network", "task", "data", "optimizer", "schedule", "train"])
def test_schema_describes_every_section_that_the_readme_shows(section: str) -> None:
    assert section in job_schema()["properties"]
