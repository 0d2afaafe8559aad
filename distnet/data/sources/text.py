"""Plain text, as tokens of one character each: a file, or a folder with `train.txt` and `test.txt`.

Each line is a sample, with its line break. Where there is one file, its end is the test split.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from distnet.data.column import Columns, RaggedArray
from distnet.data.fields._tokenizers import UNKNOWN
from distnet.data.fields.tokens import TokensField
from distnet.data.sources._like import Like, tokens_like
from distnet.data.sources._splits import split_files, split_of
from distnet.data.sources.source import Chunks, RawData
from distnet.data.sources.texts.utf8 import SUFFIXES, is_text_file, read_lines
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

CHUNK_LINES = 1024
FIELD = "tokens"


def detect(path: Path) -> bool:
    """Whether it is a `.txt` or `.txt.gz` file, or a folder with such a file for training."""
    if path.is_dir():
        return any(split_of(f.name) == "train" and is_text_file(f) for f in path.iterdir())
    return is_text_file(path)


def read(path: Path, *, like: Like | None = None) -> RawData:
    """Read all text, and collect its characters.

    Args:
        path: the file or folder.
        like: the fields of a dataset whose tokens are taken, instead of the characters here.

    Raises:
        DataError: a file is empty, is not UTF-8 text, or has a character that `like` lacks.
    """
    findings = Findings()
    splits = split_files(path, SUFFIXES, findings)
    if path.is_dir() and "train" not in splits:
        raise DataError(f"{path}: expected files called train.txt and test.txt here")
    lines = {s: list(chain.from_iterable(map(read_lines, files))) for s, files in splits.items()}
    for split, found in lines.items():
        if not found:
            of = "" if split == "all" else f" of {split}"
            raise DataError(f"{path}: the text{of} is empty, expected lines to learn from")
    characters = {c for found in lines.values() for line in found for c in line}
    field = tokens_like(like, FIELD) or TokensField(vocabulary=tuple(sorted(characters)))
    _check_known(splits, characters, field)
    findings.read("different characters", len(characters))
    return RawData(
        fields={FIELD: field},
        splits={split: _chunks(found, field) for split, found in lines.items()},
        num_samples=sum(map(len, lines.values())),
        is_sequence=True,
        findings=findings,
    )


def _check_known(
    splits: Mapping[str, Sequence[Path]], characters: Collection[str], field: TokensField
) -> None:
    """Check that each character is in the vocabulary, which may be that of another text."""
    unknown = set(characters) - set(field.vocabulary)
    if not unknown or UNKNOWN in field.vocabulary:
        return
    for file in (file for files in splits.values() for file in files):
        for number, line in enumerate(read_lines(file), start=1):
            if found := unknown & set(line):
                raise DataError(
                    f"{file}:{number}: found the character {min(found)!r}, which is not among the "
                    f"{len(field.vocabulary)} of the other dataset; replace it, or import without "
                    "--like"
                )


def _chunks(lines: list[str], field: TokensField) -> Chunks:
    def chunks() -> Iterator[Columns]:
        for low in range(0, len(lines), CHUNK_LINES):
            part = lines[low : low + CHUNK_LINES]
            yield {FIELD: RaggedArray.of([field.encode(line) for line in part])}

    return chunks
