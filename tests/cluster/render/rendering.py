"""Render texts of cluster files, as the tests do."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from distnet.cluster.file.read import read_cluster_text
from distnet.cluster.render.render import render
from distnet.cluster.render.rendered import Rendered

FOLDER = Path("/build")


def rendered(text: str) -> Rendered:
    return render(read_cluster_text(text, Path("cluster.yaml")), FOLDER)


@cache
def stream(text: str) -> str:
    return rendered(text).stream


@cache
def texts(text: str) -> dict[str, str]:
    return rendered(text).texts


def documents(text: str) -> list[dict[str, Any]]:
    """What somebody who reads the rendered YAML finds."""
    return loaded(stream(text))


def loaded(text: str) -> list[Any]:
    """The documents of a YAML text."""
    return list(yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
