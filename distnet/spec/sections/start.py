"""The weights with which a run starts, as a job file names them."""

from distnet.spec.sections.section import Section


class Start(Section):
    """Start with weights that were trained before, instead of drawing all of them."""

    weights: str
    """A file (`.safetensors`, or a `state_dict` that torch has saved), or the folder of a run."""
    rename: dict[str, str] = {}
    """Prefixes of names in the file, and what the network has instead: `{"module.": ""}`. The first
    that fits a name counts; `"": "net."` puts `net.` in front of all others."""
    ignore: tuple[str, ...] = ()
    """Name patterns, such as "head.*", of what is neither taken from the file nor missed in it."""
