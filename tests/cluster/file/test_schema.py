"""The schema of cluster files agrees with what is read, and describes every key."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from distnet.cluster.file.schema import cluster_schema
from distnet.spec.reading.yaml import read_yaml
from tests.cluster.file.texts import ALL, AWS, LOCAL, SSH
from tests.spec.test_schema import as_json


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return cluster_schema()


def is_valid(schema: dict[str, Any], text: str) -> bool:
    return bool(Draft202012Validator(schema).is_valid(as_json(read_yaml(text).value)))


def test_the_schema_itself_is_valid(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("text", ALL.values(), ids=list(ALL))
def test_files_that_are_read_are_valid(schema: dict[str, Any], text: str) -> None:
    assert is_valid(schema, text)


@pytest.mark.parametrize(
    "text",
    [
        f"{LOCAL}hosts: [a]\n",
        f"{LOCAL}prt: 3\n",
        SSH.replace("2222", "99999"),
        AWS.replace("0..8", "many"),
        "name: lab\n",
    ],
)
def test_faulty_files_are_not_valid(schema: dict[str, Any], text: str) -> None:
    assert not is_valid(schema, text)


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, definition in schema["$defs"].items():
        for key, described in definition.get("properties", {}).items():
            yield f"{name}.{key}", described


def test_every_key_is_described(schema: dict[str, Any]) -> None:
    found = dict(properties(schema))
    assert len(found) > 80
    assert [key for key, described in found.items() if not described.get("description")] == []
