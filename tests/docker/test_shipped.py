"""The files in `docker/` and what they promise, without building the image."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
COMPOSE = sorted(DOCKER.glob("compose*.yaml"))
SCHEMA = json.loads((Path(__file__).parent / "schemas" / "compose-spec.json").read_text())
HADOLINT = Path(sys.executable).parent / "hadolint"


def load(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.name)
def test_compose_files_follow_the_compose_specification(file: Path) -> None:
    jsonschema.Draft7Validator(SCHEMA).validate(load(file))


def test_every_service_demands_rays_token() -> None:
    composed = load(DOCKER / "compose.yaml")

    for service in composed["services"].values():
        assert service["environment"]["RAY_AUTH_MODE"] == "token"
        assert service["environment"]["RAY_AUTH_TOKEN_PATH"] == "/run/secrets/ray-token"
        assert service["secrets"] == ["ray-token"]
    # `:?` has compose refuse to start anything while the variable is not set.
    assert composed["secrets"]["ray-token"]["file"].startswith("${RAY_AUTH_TOKEN_PATH:?")


def test_only_proxy_and_server_are_where_clients_addresses_are_believed() -> None:
    https = load(DOCKER / "compose.https.yaml")
    server = load(DOCKER / "compose.yaml")["services"]["server"]

    inside = {name for name, one in https["services"].items() if "front" in one["networks"]}
    [front] = https["networks"]["front"]["ipam"]["config"]
    settings = yaml.safe_load(https["configs"]["server"]["content"])
    assert inside == {"proxy", "server"}
    assert settings["proxies"] == [front["subnet"]]
    assert https["services"]["server"]["command"][:-1] == server["command"]
    assert https["services"]["proxy"]["cap_drop"] == ["ALL"]


def test_only_this_machine_reaches_the_server_and_nothing_else_is_published() -> None:
    services = load(DOCKER / "compose.yaml")["services"]

    published = {name: service.get("ports", []) for name, service in services.items()}
    assert published == {"head": [], "worker": [], "server": ["127.0.0.1:8270:8270"]}


def test_no_service_has_privileges() -> None:
    for service in load(DOCKER / "compose.yaml")["services"].values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not {"privileged", "user", "pid", "network_mode"} & set(service)


def test_the_dockerfile_has_no_lint() -> None:
    linted = subprocess.run(
        [str(HADOLINT), str(DOCKER / "Dockerfile")], capture_output=True, text=True, check=False
    )

    assert (linted.returncode, linted.stdout) == (0, "")


def test_the_image_runs_as_a_numbered_user_with_the_token_mode_on() -> None:
    last_stage = (DOCKER / "Dockerfile").read_text().rpartition("\nFROM ")[2]

    assert re.findall(r"^USER (.*)$", last_stage, re.M) == ["${USER_ID}:${GROUP_ID}"]
    assert "ARG USER_ID=1000\n" in last_stage
    assert "RAY_AUTH_MODE=token" in last_stage


def test_the_build_context_has_what_the_image_is_made_of_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    copied = re.findall(
        r"^COPY (?!--from)(?:--\S+ )*(.*) \S+$", (DOCKER / "Dockerfile").read_text(), re.M
    )
    sources = {source.split("/")[0] for line in copied for source in line.split()}

    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == sources
