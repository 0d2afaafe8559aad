"""The command line of a benchmark whose sides take turns."""

import argparse
import json
from collections.abc import Callable


def print_measured(measure: Callable[[int], dict[str, float]], description: str | None) -> None:
    """Measure as often as `--turns` says, and print each figure on a line.

    Args:
        measure: takes the number of turns; returns figures by name.
        description: of the benchmark, for `--help`.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.turns)
    if options.json:
        print(json.dumps(found))  # noqa: T201
        return
    for name, value in found.items():
        print(f"{name:22} {value:13,.3f}")  # noqa: T201
