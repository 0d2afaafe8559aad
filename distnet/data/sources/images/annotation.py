"""One XML file of Pascal VOC: the objects on an image, each with its class and its box.

Source: Everingham et al. 2010, "The Pascal Visual Object Classes (VOC) Challenge". There, edges are
whole numbers of pixels counted from 1, and a box includes the pixels of all its edges. Programs
that draw boxes also write edges counted from 0, between pixels, with the right and the lower one
exclusive, as distnet stores them.
"""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from distnet.errors import DataError

Edges = tuple[float, float, float, float]
"""Left, top, right, bottom."""
EDGES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class MarkedObject:
    """An object as it is written, faulty or not."""

    number: int
    """In its file, from 1."""
    name: str
    """Its class; empty where it has none."""
    edges: Edges | None
    """None where they are not four numbers."""
    is_difficult: bool

    def fault(self, height: int, width: int, classes: tuple[str, ...]) -> str | None:
        """Describe what is wrong with it on an image of this size; None if nothing is.

        Args:
            height: of the image.
            width: of the image.
            classes: those that may occur; empty for any.
        """
        if not self.name:
            return "an object without a name; give it a class"
        if classes and self.name not in classes:
            return f"class {self.name!r} is none of --classes; name it there, or remove the object"
        if self.edges is None:
            return f"an object without a box; found no bndbox with the numbers {', '.join(EDGES)}"
        left, top, right, bottom = self.edges
        found = ", ".join(f"{n} {e:g}" for n, e in zip(EDGES, self.edges, strict=True))
        if left >= right or top >= bottom:
            return f"an empty box; found {found}: repair or remove the object"
        if left < 0 or top < 0 or right > width or bottom > height:
            return (
                f"a box outside of the image; found {found} on {width} x {height} pixels: repair "
                "or remove the object"
            )
        return None


@dataclass(frozen=True)
class Annotation:
    """What a file says of its image."""

    file: Path
    size: tuple[int, int] | None
    """Height and width of the image; None where the file does not say."""
    objects: tuple[MarkedObject, ...]

    def location(self, marked: MarkedObject) -> str:
        """Where an object is written, for messages."""
        return f"{self.file}: object {marked.number} ({marked.name or 'unnamed'})"


def read_annotation(file: Path) -> Annotation:
    """Read an XML file.

    Raises:
        DataError: it cannot be read, or is no annotation.
    """
    try:
        root = ElementTree.parse(file).getroot()
    except ElementTree.ParseError as error:
        raise DataError(f"{file}: not valid XML ({error}); repair or remove it") from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); repair it") from None
    if root.tag != "annotation":
        raise DataError(f"{file}: found <{root.tag}>, expected <annotation>; repair or remove it")
    objects = (_marked(number, each) for number, each in enumerate(root.iterfind("object"), 1))
    return Annotation(file, _size(root), tuple(objects))


def _marked(number: int, element: Element) -> MarkedObject:
    edges = [_number(element, f"bndbox/{name}") for name in EDGES]
    left, top, right, bottom = edges
    known = None
    if left is not None and top is not None and right is not None and bottom is not None:
        known = (left, top, right, bottom)
    name = (element.findtext("name") or "").strip()
    is_difficult = element.findtext("difficult", "0").strip().lower() in ("1", "true", "yes")
    return MarkedObject(number, name, known, is_difficult)


def _size(root: Element) -> tuple[int, int] | None:
    height, width = _number(root, "size/height"), _number(root, "size/width")
    return (int(height), int(width)) if height and width else None


def _number(element: Element, path: str) -> float | None:
    try:
        number = float(element.findtext(path) or "")
    except ValueError:
        return None
    return number if isfinite(number) else None
