"""Print what pip installs for distnet: the versions and hashes of `constraints.txt`.

    requirements.py heic text         what distnet needs, what builds it, and these extras
    requirements.py --no-torch heic   the same beside a torch of another index: without it and CUDA
    requirements.py --ranges all      ranges instead of versions, for `make newest` and `make lock`

It runs before anything is installed, so it imports only Python's own modules.
"""

import argparse
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TORCH = re.compile(r"(torch|torchvision|triton|nvidia-.*|cuda-.*)$")


@dataclass(frozen=True)
class Pin:
    """A package of `constraints.txt`."""

    name: str
    text: str
    """Name, version, marker and hashes, as pip reads them."""
    wanted_by: frozenset[str]
    """The packages that need it."""


def ranges(pyproject: Path, extras: list[str]) -> Iterator[str]:
    """Requirements of distnet, of what builds it, and of some extras, as pip reads them.

    Raises:
        KeyError: there is no such extra.
    """
    document = tomllib.loads(pyproject.read_text())
    project = document["project"]
    lines = [*document["build-system"]["requires"], *project["dependencies"]]
    lines += (f"distnet[{extra}]" for extra in extras)
    for line in lines:
        if nested := re.fullmatch(r"distnet\[(.*)\]", line):
            for extra in nested[1].split(","):
                lines += project["optional-dependencies"][extra]
        else:
            yield line


def pins(constraints: Path) -> Iterator[Pin]:
    """The packages of a file that `make lock` has written."""
    for block in re.split(r"\n(?=\w)", constraints.read_text()):
        if name := re.match(r"[\w.-]+(?===)", block):
            text, _, comment = block.partition("\n    # via")
            yield Pin(name[0], text, frozenset(re.findall(r"[\w.-]+", comment)))


def needed(locked: list[Pin], roots: set[str]) -> Iterator[Pin]:
    """Those of the packages that are needed for some of them."""
    names = set(roots)
    while more := {pin.name for pin in locked if pin.wanted_by & names} - names:
        names |= more
    return (pin for pin in locked if pin.name in names)


def main() -> None:
    """Print one requirement after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranges", action="store_true")
    parser.add_argument("--no-torch", action="store_true")
    parser.add_argument("--pyproject", type=Path, default=HERE.parent / "pyproject.toml")
    parser.add_argument("extras", nargs="*")
    given = parser.parse_args()
    wanted = list(ranges(given.pyproject, given.extras))
    if given.ranges:
        print("\n".join(wanted))
        return
    roots = {re.match(r"[\w.-]+", line)[0].lower() for line in wanted}
    for pin in needed(list(pins(HERE / "constraints.txt")), roots):
        if not (given.no_torch and TORCH.match(pin.name)):
            print(pin.text)


if __name__ == "__main__":
    main()
