"""Write a job as YAML that is read back as the same job."""

from typing import TYPE_CHECKING, Any

import yaml

from distnet.spec.named_parts import named_parts
from distnet.spec.reading.scalars import plain
from distnet.spec.sections.job import Job


def dump_job(job: Job) -> str:
    """Write every key of `job`, defaults included, in the order of the sections."""
    values = job.model_dump(exclude_none=True)
    # None as an option of a part, as the source of the data, or as the value of a variable is a
    # value, not an omission.
    values["env"] = dict(job.env)
    values["data"]["source"] = job.data.source
    for key, part in named_parts(job).items():
        section: Any = values
        for name in key.split("."):
            section = section[int(name) if name.isdecimal() else name]
        section.update(part.options)
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
