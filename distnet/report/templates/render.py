"""Fill in the HTML templates."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from distnet.report import text
from distnet.spec.plural import counted
from distnet.spec.printable import printable_lines


def render(template: str, **values: Any) -> str:
    """Fill in a template; every value is escaped, and what cannot be seen in it is shown."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=lambda value: printable_lines(value) if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "capitalize_first": lambda sentence: sentence[:1].upper() + sentence[1:],
        "cell": text.cell,
        "change": text.change,
        "counted": counted,
        "duration": text.duration,
        "local_time": text.local_time,
        "number": text.number,
        "rate": text.rate,
    }
    return environment
