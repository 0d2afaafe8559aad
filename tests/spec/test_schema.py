from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from distnet.spec.parts import kinds
from distnet.spec.reading.yaml import read_yaml
from distnet.spec.schema import job_schema

GOOD = """\
name: digits
network: {kind: mlp, hidden: [16, 16]}
task: {kind: classify, top_k: 3}
data: {memory: 24GB, augment: [{kind: shift, pixels: 2}]}
optimizer: {kind: adam, betas: [0.9, 0.99]}
schedule: {kind: one-cycle}
train: {steps: 3, clip: ~}
resources: {workers: {min: 1, max: 2}}
checkpoint: {every: 90s}
"""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return job_schema()


def is_valid(schema: dict[str, Any], text: str) -> bool:
    return bool(Draft202012Validator(schema).is_valid(as_json(read_yaml(text).value)))


def as_json(value: object) -> object:
    match value:
        case dict():
            return {name: as_json(below) for name, below in value.items()}
        case tuple():
            return [as_json(item) for item in value]
    return value


def test_the_schema_is_one(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_a_good_job_is_valid(schema: dict[str, Any]) -> None:
    assert is_valid(schema, GOOD)


def test_every_job_that_ships_is_valid(schema: dict[str, Any]) -> None:
    paths = list((Path(__file__).parents[2] / "jobs").rglob("*.yaml"))

    assert len(paths) >= 3
    for path in paths:
        assert is_valid(schema, path.read_text()), path


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hidden: [16, 16]", "hiden: [16, 16]"),
        ("hidden: [16, 16]", "hidden: ten"),
        ("kind: mlp", "kind: mpl"),
        ("kind: adam", "kind: adm"),
        ("top_k: 3", "top_k: 0"),
        ("steps: 3", "stepps: 3"),
        ("memory: 24GB", "memory: 24 parsecs"),
        ("every: 90s", "every: soon"),
        ("name: digits", "name: My Digits"),
    ],
)
def test_a_mistake_is_not_valid(schema: dict[str, Any], old: str, new: str) -> None:
    assert old in GOOD
    assert not is_valid(schema, GOOD.replace(old, new))


def test_an_own_part_is_valid(schema: dict[str, Any]) -> None:
    own = GOOD.replace("kind: mlp", "kind: ./mynet.py:MyNet")

    assert is_valid(schema, own)


def test_every_key_is_described(schema: dict[str, Any]) -> None:
    described = dict(properties(schema, "job"))

    assert len(described) > 60
    assert [name for name, text in described.items() if not text] == []


def test_every_shipped_part_has_its_options(schema: dict[str, Any]) -> None:
    names = {f"networks.{k}" for k in kinds("networks")} | {f"tasks.{k}" for k in kinds("tasks")}

    assert names <= set(schema["$defs"])
    assert schema["$defs"]["networks.mlp"]["properties"]["hidden"]["type"] == "array"


def properties(schema: dict[str, Any], name: str) -> Iterator[tuple[str, str]]:
    for definition, content in {**schema["$defs"], name: schema}.items():
        for key, prop in content.get("properties", {}).items():
            target = schema["$defs"].get(prop.get("$ref", "").removeprefix("#/$defs/"), {})
            yield f"{definition}.{key}", prop.get("description") or target.get("description", "")
