"""Pieces of text."""

from collections.abc import Iterator

from distnet.report.parts import Arrays, Listing, Part
from distnet.run_folder.figures import Texts


def draw(figure: Texts, _: Arrays) -> Iterator[Part]:
    """List the texts with their line breaks, each beside its caption."""
    columns = (figure.captions, figure.rows) if figure.captions else (figure.rows,)
    heads = ("", "text")[-len(columns) :]
    yield Listing(figure.title, heads, tuple(zip(*columns, strict=True)), is_prose=True)
