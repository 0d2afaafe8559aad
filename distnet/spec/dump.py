"""Write a job as YAML that is read back as the same job."""

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import yaml

from distnet.spec.named_parts import named_parts
from distnet.spec.reading.scalars import plain
from distnet.spec.sections.job import Job

INDENT = "  "
LONGEST_KEPT = 1000
"""A longer text is written anew, so that thousands of them do not fill the memory."""
NONE: tuple[object, str] = (object(), "")
PLAIN_KEY = re.compile("(?!(?:yes|no|true|false|on|off|null)$)[a-z][a-z0-9_]{0,60}")
"""A key that YAML does not quote."""


def dump_job(job: Job) -> str:
    """Write every key of `job`, defaults included, in the order of the sections."""
    return _dump(_values(job, Job.model_fields.keys()))


class TrialDumper:
    """Writes jobs that have most of their values in common, as `dump_job` writes each.

    A text of YAML is that of its keys, one after the other, so that of a job after the first one
    only the sections are written that are other objects, and of these only new values.
    """

    def __init__(self) -> None:
        self._sections: dict[str, tuple[object, str]] = {}
        """By name, a section of the job before, and its text."""
        self._items: dict[tuple[str, ...], tuple[object, str]] = {}
        """The same by key, for what is below the sections."""
        self._leaves: dict[tuple[str, ...], str] = {}
        """The texts of values that are no numbers or sections, by key and as Python shows them."""

    def dump(self, job: Job) -> str:
        """Write a job; it must not change afterwards."""
        known = self._sections
        new = {
            name: value
            for name, value in vars(job).items()
            if known.get(name, NONE)[0] is not value
        }
        values = _values(job, new.keys())
        for name, section in new.items():
            if name not in values:
                text = ""
            elif name not in known:
                text = _dump({name: values[name]})
            else:
                text = self._item((name,), values[name])
            known[name] = section, text
        return "".join([known[name][1] for name in Job.model_fields])

    def _item(self, key: tuple[str, ...], value: Any) -> str:
        """Write a key and its value, both as they are below the sections that it names."""
        if isinstance(value, dict) and value and PLAIN_KEY.fullmatch(key[-1]):
            lines = [f"{INDENT * (len(key) - 1)}{key[-1]}:\n"]
            for name, each in value.items():
                at = *key, name
                known = self._items.get(at, NONE)
                if known[0] is not each:
                    known = self._items[at] = each, self._item(at, each)
                lines.append(known[1])
            return "".join(lines)
        if type(value) is int and PLAIN_KEY.fullmatch(key[-1]):
            return f"{INDENT * (len(key) - 1)}{key[-1]}: {value}\n"
        at = *key, repr(value)
        text = self._leaves.get(at)
        if text is None:
            text = _leaf(key, value)
            if len(text) <= LONGEST_KEPT:
                self._leaves[at] = text
        return text


def _leaf(key: tuple[str, ...], value: Any) -> str:
    """Have YAML's own writer write a value as deep as its key says."""
    nested, above = {key[-1]: value}, len(key) - 1
    for _ in range(above):
        nested = {"_": nested}
    return _dump(nested).split("\n", above)[above]


def _values(job: Job, sections: Collection[str]) -> dict[str, Any]:
    """Some sections of a job as plain values; those that are None are left out."""
    values = job.model_dump(exclude_none=True, include=set(sections))
    # None as an option of a part, as the source of the data, or as the value of a variable is a
    # value, not an omission.
    if "env" in values:
        values["env"] = dict(job.env)
    if "data" in values:
        values["data"]["source"] = job.data.source
    for key, part in named_parts(job).items():
        section: Any = values
        names = key.split(".")
        if names[0] in values:
            for name in names:
                section = section[int(name) if name.isdecimal() else name]
            section.update(part.options)
    return values


def _dump(values: dict[str, Any]) -> str:
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


if TYPE_CHECKING:
    from yaml import SafeDumper as _Safe
else:  # libyaml's if available: a sweep writes thousands of jobs
    _Safe = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Safe):
    """Quotes what YAML 1.2 would misread, and writes lists on one line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if isinstance(_plain(text), str) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _plain(text: str) -> object:
    try:
        return plain(text)
    except ValueError:
        return None


def _represent_list(dumper: yaml.SafeDumper, items: tuple[Any, ...]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(tuple, _represent_list)
