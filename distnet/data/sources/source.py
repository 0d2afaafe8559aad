"""What a source is: the seam between raw files and shards.

A source is a module of this folder, named after its kind, with two functions:

    detect(path) -> bool            whether the files at `path` are of this kind
    read(path, **options) -> RawData

`read` finds out everything it must know before the first row is written (shape, classes), and
leaves the rows themselves to iterators, so that large data never has to fit in memory. Its
keyword arguments are the options that the kind has. A module may name one of them as `IMPLIED_BY`:
files are of this kind where that option is set. It may name as `MORE_THAN` the kind that all of its
folders are as well, though nobody wants them read so: photos with boxes are a folder of images.
`read` reports in `RawData.findings` what it left out, what it guessed by which rule, and the option
that decides otherwise. A source that takes `like` (see `_like.py`) uses the tokens and classes of
another dataset. Files whose names begin with `_` are shared by several sources.
"""

import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, cast

from distnet.data.column import Columns
from distnet.data.features.filling import Fill, as_it_is
from distnet.data.features.form import TableForm
from distnet.data.fields.field import Field
from distnet.data.images.formats import SUFFIXES as PICTURES
from distnet.data.sounds.sound_file import SUFFIXES as SOUNDS
from distnet.data.sources._like import DECIDED, Like, check_like, options_like
from distnet.data.sources._like import OPTION as LIKE
from distnet.data.sources.files.below import below
from distnet.data.survey.summary import Findings
from distnet.errors import DataError, UnknownPartError
from distnet.spec.reading.file import nearest

PANDAS = {
    ".arrow": "read_feather",
    ".feather": "read_feather",
    ".h5": "read_hdf",
    ".json": "read_json",
    ".jsonl": "read_json(FILE, lines=True)",
    ".ndjson": "read_json(FILE, lines=True)",
    ".ods": "read_excel",
    ".orc": "read_orc",
    ".xls": "read_excel",
    ".xlsx": "read_excel",
}
"""Files of tables that pandas can convert, and how."""
TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".pq")
ARCHIVES = frozenset(
    (".7z", ".bz2", ".gz", ".rar", ".tar", ".tbz2", ".tgz", ".txz", ".xz", ".zip", ".zst")
)
"""Ends of names."""


Chunks = Callable[[], Iterator[Columns]]
"""Goes through samples, some at a time: one column of equal length for each field."""


@dataclass(frozen=True)
class RawData:
    """What a source has found, and iterators over its samples.

    A source with one split leaves it to the import to set samples aside for a test.
    """

    fields: Mapping[str, Field]
    splits: Mapping[str, Chunks]
    num_samples: int | None = None
    is_sequence: bool = False
    """Whether neighbours belong together, as the lines of a text do: then the last samples are set
    aside for a test, else random ones, by a hash of their first field."""
    table: TableForm | None = None
    """What predictions of other tables need to know of this one."""
    gaps: tuple[str, ...] = ()
    """Columns of `x` in which numbers are missing: NaN, until means take their place."""
    fill: Fill = as_it_is
    """What is done to samples once it is decided which of them are the training."""
    findings: Findings = field(default_factory=Findings)
    """What was read, left out and guessed; those of the iterators come while they are used."""
    locate: Callable[[str, int], str] | None = None
    """The file of sample n (counted from 0) of a split, once the iterators were used."""


class Source(Protocol):
    """One kind of raw data."""

    def detect(self, path: Path) -> bool:
        """Whether the file or folder `path` is of this kind; a quick check."""
        ...

    def read(self, path: Path, **options: Any) -> RawData:
        """Read `path`.

        Raises:
            DataError: the files are faulty; the message says where, and what to do.
        """
        ...


def source_kinds() -> list[str]:
    """The kinds of raw data that can be imported."""
    package = import_module("distnet.data.sources")
    modules = pkgutil.iter_modules(package.__path__)
    names = [module.name for module in modules if not module.ispkg]
    return sorted(n.replace("_", "-") for n in names if n != "source" and not n.startswith("_"))


def load_source(kind: str) -> Source:
    """The source called `kind`.

    Raises:
        UnknownPartError: there is no such kind.
    """
    if kind not in source_kinds():
        nearest = get_close_matches(kind, source_kinds(), 1)
        raise UnknownPartError(
            f"unknown kind of source {kind!r}; there are: {', '.join(source_kinds())}"
            + (f"; did you mean {nearest[0]}?" if nearest else "")
        )
    return cast(Source, import_module(f"distnet.data.sources.{kind.replace('-', '_')}"))


def detect_kinds(path: Path, options: Mapping[str, Any] | None = None) -> list[str]:
    """The kinds that the files at `path` may be, the most probable one first.

    Args:
        path: the file or folder.
        options: those that the user has set, which may imply a kind.

    Raises:
        DataError: the path does not exist, or no source can read it.
    """
    check_exists(path)
    given = _given(options or {})
    if implied := [kind for kind in source_kinds() if _implied_by(kind) in given]:
        return implied
    # A table of texts, or of names of images, is a table. Tables come with images beside them, and
    # images with lists of names.
    first, last = ("image-table", "text-table"), ("image-folder", "sound-folder", "text")
    order = sorted(source_kinds(), key=lambda kind: (kind in last) - (kind in first))
    found = [kind for kind in order if load_source(kind).detect(path)]
    if found:
        lesser = {getattr(load_source(kind), "MORE_THAN", None) for kind in found}
        return [kind for kind in found if kind not in lesser]
    raise DataError(f"{path}: not recognised as any of {', '.join(source_kinds())}; {remedy(path)}")


def _implied_by(kind: str) -> str | None:
    """The option that is set for no other kind of files."""
    name: str | None = getattr(load_source(kind), "IMPLIED_BY", None)
    return name


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are set."""
    # Not `in (None, (), False)`, which would leave out 0.
    is_set = {name: not (v is None or v is False or v == ()) for name, v in options.items()}
    return {name: value for name, value in options.items() if is_set[name]}


def remedy(path: Path) -> str:
    """What to do about a path that no source can read."""
    if path.suffix.lower() in ARCHIVES:
        return "unpack the archive and import the folder"
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    if not files:
        return "the folder is empty"
    if any(file.suffix.lower() in PICTURES for file in files):
        return _remedy_for_pictures(files)
    if any(file.suffix.lower() in SOUNDS for file in files):
        return "for sounds, make one folder a class, put them there, and import the folder above"
    if path.is_dir() and any(file.name.lower().endswith(TABLES) for file in files):
        return "name the CSV files train*.csv and test*.csv, or read all as one table: --kind csv"
    found = next(filter(None, map(_remedy_for, files)), None)
    return found or "if it is one of them, import it with --kind"


def _remedy_for_pictures(files: Sequence[Path]) -> str:
    tables = [file for file in files if file.name.lower().endswith((*TABLES, ".parquet"))]
    if tables:
        return f"if a table names these images and what to learn, import it: {tables[0]}"
    return "for images, make one folder a class, put them there, and import the folder above"


def _remedy_for(file: Path) -> str | None:
    """What to do about one file or folder that cannot be imported as it is."""
    if reader := PANDAS.get(file.suffix.lower()):
        return f"convert {file.name} to Parquet, such as with pandas.{reader} and to_parquet"
    if file.suffix.lower() == ".npy":
        return "save the arrays x and y in one file with numpy.savez"
    if file.suffix.lower() == ".txt":
        return "for plain text, name the files train*.txt and test*.txt, or import one file"
    if file.is_dir() and any(file.glob("*.txt")):
        return "for texts with classes, make a CSV file of them with the columns text and label"
    if file.is_dir() and _has_tables(file):
        return f"it has tables in the folder {file.name}; import that folder or join its files"
    return None


def _has_tables(folder: Path) -> bool:
    """Whether a folder, or one in it, holds tables."""
    return any(file.name.lower().endswith(TABLES) for file in islice(below(folder), 1000))


def read_source(
    path: Path, kind: str, options: Mapping[str, Any], like: Like | None = None
) -> RawData:
    """Read `path` as `kind`, with the options that are set.

    Args:
        path: the file or folder.
        kind: of the source.
        options: those that are None, empty or False are left out.
        like: the fields of a dataset whose tokens, classes and sizes are taken.

    Raises:
        DataError: an option is not one of this kind, or the files are faulty or unlike the dataset.
    """
    check_exists(path)
    source = load_source(kind)
    takes = _takes(kind)
    known = _options(kind)
    given = _given(options)
    if like is not None:
        _check_decided(given)
        given |= {n: v for n, v in _given(options_like(like)).items() if n in takes}
        known = takes
    if wrong := next((name for name in given if name not in known), None):
        raise DataError(_other_kind(path, kind, wrong))
    data = source.read(path, **given)
    if like is not None:
        check_like(path, data.fields, like)
    data.findings.source = path
    return data


def _check_decided(given: Mapping[str, Any]) -> None:
    for name in DECIDED:
        if name in given:
            raise DataError(
                f"{_option(name)}: found beside --like, which decides it; leave one of them out"
            )


def _takes(kind: str) -> list[str]:
    """What a kind of source is read with."""
    parameters = inspect.signature(load_source(kind).read).parameters
    return [name for name in parameters if name != "path"]


def _options(kind: str) -> list[str]:
    """The options of a kind that a user may set."""
    return [name for name in _takes(kind) if name != LIKE]


def _other_kind(path: Path, kind: str, option: str) -> str:
    """What is wrong with an option that a kind does not have."""
    having = [other for other in source_kinds() if option in _options(other)]
    own = ", ".join(map(_option, _options(kind)))
    return (
        f"{_option(option)} does not apply to {path}, which is read as {kind}; the kinds with it "
        f"are: {', '.join(having) or 'none'}; {kind} has {own or 'no options'}"
    )


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def check_exists(path: Path) -> None:
    """Raise DataError if there is no such file or folder."""
    if not path.exists():
        near = nearest(path)
        hint = f"did you mean {near}?" if near else "name one that exists"
        raise DataError(f"{path}: found no such file or folder, expected data to import; {hint}")
