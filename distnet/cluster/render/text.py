"""Write values as YAML that reads like hand-written files."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from distnet.spec.reading.scalars import plain

WIDTH = 100
ALSO_BOOLEANS = ("y", "Y", "n", "N")
"""In YAML 1.1, which kubectl reads."""


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key, writes texts of several lines as blocks, and no anchors."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """Go one level deeper, for lists too."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        """Write a value again where it is used again."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else "'" if _is_ambiguous(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _is_ambiguous(text: str) -> bool:
    """Whether some reader takes an unquoted text for something else: 12e4 for a number, y for true.

    PyYAML itself quotes what is no text in YAML 1.1, as it reads it.
    """
    return text in ALSO_BOOLEANS or not isinstance(plain(text), str)


_Dumper.add_representer(str, _text)


def yaml_text(documents: Iterable[Mapping[str, Any]], header: Iterable[str]) -> str:
    """Write documents one after the other, below comment lines."""
    comments = "".join(f"# {line}\n" for line in header)
    return comments + "---\n".join(
        yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=WIDTH) for document in documents
    )
