"""The JSON schema of job files, for editors: every key with its description and default."""

from pathlib import Path
from typing import Any

from distnet.spec.options import read_signature
from distnet.spec.parts import Package, kinds, load_class
from distnet.spec.sections.job import Job
from distnet.spec.sections.section import Part

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SECTIONS: dict[str, Package] = {"network": "networks", "task": "tasks"}
DATA_PARTS: dict[str, Package] = {"view": "data/views", "sampler": "data/samplers"}

Schema = dict[str, Any]


def job_schema() -> Schema:
    """Build the schema; shipped networks and tasks are imported for their options."""
    schema = Job.model_json_schema()
    definitions = schema["$defs"]
    for section, package in SECTIONS.items():
        schema["properties"][section] |= _part(package, schema["properties"][section], definitions)
        del schema["properties"][section]["$ref"]
    for key, package in DATA_PARTS.items():
        section = definitions["Data"]["properties"][key]
        section["anyOf"] = [*_part(package, section, definitions)["anyOf"], {"type": "null"}]
    kind = _own()["properties"]["kind"]
    definitions["OwnPart"] = {"anyOf": [kind, _own()]}
    del definitions["Part"]
    for definition in definitions.values():
        _describe_kind(definition)
    return {"$schema": DIALECT, **schema, "title": "distnet job file"}


def _part(package: Package, section: Schema, definitions: Schema) -> Schema:
    shipped = []
    for kind in kinds(package):
        name = f"{package.replace('/', '.')}.{kind}"
        definitions[name] = _shipped(package, kind)
        shipped.append({"$ref": f"#/$defs/{name}"})
    return {"anyOf": [*shipped, _own()]}


def _shipped(package: Package, kind: str) -> Schema:
    cls = load_class(package, kind, folder=Path())
    schema = read_signature(cls).options.model_json_schema()
    properties = {"kind": {"const": kind}} | schema.pop("properties", {})
    required = ["kind", *schema.pop("required", [])]
    summary = (cls.__doc__ or "").partition("\n")[0]
    own = {"description": summary, "properties": properties, "required": required}
    return schema | own


def _own() -> Schema:
    described = Part.model_fields["kind"].description
    kind = {"type": "string", "pattern": r"\.py:[A-Za-z_]\w*$", "description": described}
    return {
        "title": "Your own",
        "description": "A class in a file of your own, and the options of its constructor.",
        "type": "object",
        "properties": {"kind": kind},
        "required": ["kind"],
        "additionalProperties": True,
    }


def _describe_kind(definition: Schema) -> None:
    """Describe `sgd` at `kind: sgd`."""
    kind = definition.get("properties", {}).get("kind")
    if kind is not None:
        kind.setdefault("description", definition["description"].partition("\n")[0])
