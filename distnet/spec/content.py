"""Datasets by their content: `data.source: sha256:...` is the sha256 of a manifest."""

import re

PREFIX = "sha256:"
BY_CONTENT = re.compile(r"sha256:([0-9a-f]{64})")


def source_of(sha256: str) -> str:
    """The `data.source` of the dataset whose manifest has this sha256."""
    return f"{PREFIX}{sha256}"


def content_of(source: str | None) -> str | None:
    """The sha256 that a `data.source` names; None for a name or a path."""
    match = None if source is None else BY_CONTENT.fullmatch(source)
    return match[1] if match else None
