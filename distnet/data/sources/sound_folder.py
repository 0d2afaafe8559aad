"""A folder of recordings: `class/*.wav`, `train/class/*.wav`, or names such as `7_theo_3.wav`.

WAV, FLAC, OGG and MP3 will do, all of one sample rate. What names say besides the class, such as
the speaker, becomes a field of its own. Whatever lies there besides is counted in the summary.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Columns, RaggedArray
from distnet.data.fields.audio import AudioField
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.field import Field
from distnet.data.sounds.sound_file import SoundHeader, read_header, read_sound, wrong_rate
from distnet.data.sources._like import Like, classes_like
from distnet.data.sources.files.class_names import natural_order
from distnet.data.sources.files.kinds import RECORDINGS
from distnet.data.sources.files.layout import Layout
from distnet.data.sources.files.tree import has_files, list_files
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.sounds.names import CLASS
from distnet.data.sources.sounds.sorting import Recording, Sorting, Splits
from distnet.data.sources.source import Chunks, RawData
from distnet.data.survey.summary import Findings
from distnet.errors import DataError
from distnet.spec.plural import listed

CHUNK_FILES, CHUNK_SAMPLES = 64, 1 << 23
"""Recordings in memory at once: as many as that, or as long together, whichever comes first."""
MOST_NAMES = 20


def detect(path: Path) -> bool:
    """Whether it is a folder that holds sound files, at any depth."""
    return path.is_dir() and has_files(path, RECORDINGS, depth=0)


def read(
    path: Path,
    *,
    names: str | None = None,
    test: str | None = None,
    layout: Layout | None = None,
    skip_unreadable: bool = False,
    like: Like | None = None,
) -> RawData:
    """List all recordings and read their headers.

    Args:
        path: the folder.
        names: what the names of the files say, such as `{class}_{speaker}_{take}`; else the
            folders are the classes.
        test: the recordings for the test by a part of their names, such as `take=0,1,2`.
        layout: whether the first folders are `classes` or `splits`; else decided by their names.
        skip_unreadable: leave out, and count, the files that cannot be read.
        like: the fields of a dataset whose sample rate and classes are taken.

    Raises:
        DataError: there are no recordings, some cannot be read, or their sample rates differ.
    """
    if not path.is_dir():
        raise DataError(f"{path}: a file, expected a folder of recordings")
    findings = Findings()
    unreadable = Unreadable(findings, skip=skip_unreadable)
    tree = list_files(path, findings, unreadable, RECORDINGS)
    splits = Sorting(names, test, layout).splits(path, tree, findings, unreadable)
    headers = _headers(splits, unreadable)
    sample_rate = _sample_rate(headers, unreadable, like)
    _check_known(splits, classes_like(like), unreadable)
    unreadable.check()
    splits = {name: [r for r in part if _is_read(r, unreadable)] for name, part in splits.items()}
    recordings = [r for part in splits.values() for r in part]
    if not recordings:
        raise DataError("\n".join(["no recording can be read", *findings.left_out_lines()]))
    _report_changes({r.file: headers[r.file] for r in recordings}, findings)
    classes = _classes(path, recordings, classes_like(like), findings)
    fields: dict[str, Field] = {"x": AudioField(sample_rate=sample_rate), **classes}
    return RawData(
        fields=fields,
        splits={
            name: _chunks(part, fields, unreadable, is_last=name == list(splits)[-1])
            for name, part in splits.items()
        },
        num_samples=sum(map(len, splits.values())),
        findings=findings,
        locate=partial(_locate, splits, unreadable),
    )


def _locate(splits: Splits, unreadable: Unreadable, split: str, index: int) -> str:
    readable = (r.file for r in splits[split] if _is_read(r, unreadable))
    return str(next(islice(readable, index, None)))


def _is_read(recording: Recording, unreadable: Unreadable) -> bool:
    return str(recording.file) not in unreadable.locations


def _headers(splits: Splits, unreadable: Unreadable) -> dict[Path, SoundHeader]:
    headers = {}
    for recording in (r for part in splits.values() for r in part):
        try:
            headers[recording.file] = read_header(recording.file)
        except DataError as error:
            unreadable.add(str(recording.file), error, RECORDINGS.plural)
    return headers


def _sample_rate(
    headers: Mapping[Path, SoundHeader], unreadable: Unreadable, like: Like | None
) -> int:
    """The sample rate of the other dataset, or of most recordings; others cannot be read."""
    rates = Counter(header.sample_rate for header in headers.values())
    sample_rate = max(rates, key=lambda rate: (rates[rate], rate), default=1)
    x = (like or {}).get("x")
    if isinstance(x, AudioField):
        sample_rate = x.sample_rate
    for file, header in headers.items():
        if header.sample_rate != sample_rate:
            fault = DataError(wrong_rate(file, header.sample_rate, sample_rate))
            unreadable.add(str(file), fault, RECORDINGS.plural)
    return sample_rate


def _check_known(splits: Splits, classes: Sequence[str], unreadable: Unreadable) -> None:
    """Find recordings of a class that the other dataset does not have."""
    for recording in (r for part in splits.values() for r in part if classes):
        if recording.parts[CLASS] not in classes:
            fault = f"found the class {recording.parts[CLASS]!r}, expected one of the other dataset"
            message = f"{recording.file}: {fault}: {listed(classes, MOST_NAMES)}; move it away"
            unreadable.add(str(recording.file), DataError(message), RECORDINGS.plural)


def _report_changes(headers: Mapping[Path, SoundHeader], findings: Findings) -> None:
    for file, header in headers.items():
        if header.channels > 1:
            value, why = "mixed to the mean of their channels", "they have several"
            findings.guessed(RECORDINGS.plural, value, why, example=str(file))
        if not header.is_exact:
            value, why = "rounded to 16 bits", "their samples are stored in another form"
            findings.guessed(RECORDINGS.plural, value, why, example=str(file))


def _classes(
    path: Path, recordings: list[Recording], known: Sequence[str], findings: Findings
) -> dict[str, ClassField]:
    """A field for each part of the names; that of the class is called y."""
    found: dict[str, Sequence[str]] = {
        part: natural_order({r.parts[part] for r in recordings}) for part in recordings[0].parts
    }
    found[CLASS] = known or found[CLASS]
    if len(found[CLASS]) < 2:
        raise DataError(
            f"{path}: found the single class {found[CLASS][0]!r}, expected at least two; make one "
            "folder a class, or set --names"
        )
    findings.read("classes", len(found[CLASS]))
    order = [CLASS, *(part for part in found if part != CLASS)]
    return {
        "y" if part == CLASS else part: ClassField(classes=tuple(found[part])) for part in order
    }


def _chunks(
    recordings: list[Recording],
    fields: Mapping[str, Field],
    unreadable: Unreadable,
    *,
    is_last: bool,
) -> Chunks:
    """Decode the recordings of a split; after the last split, those that failed are an error."""
    audio = fields["x"]
    assert isinstance(audio, AudioField)
    parts = {name: CLASS if name == "y" else name for name in fields if name != "x"}
    indices = {name: {c: i for i, c in enumerate(fields[name].classes)} for name in parts}

    def columns(sounds: list[NDArray[np.int16]], read: list[Recording]) -> Columns:
        labels = {
            name: np.array([indices[name][r.parts[part]] for r in read], np.int32)
            for name, part in parts.items()
        }
        return {"x": RaggedArray.of(sounds), **labels}

    def chunks() -> Iterator[Columns]:
        sounds: list[NDArray[np.int16]] = []
        read: list[Recording] = []
        for recording in recordings:
            try:
                sounds.append(read_sound(recording.file, sample_rate=audio.sample_rate))
                read.append(recording)
            except DataError as error:
                unreadable.add(str(recording.file), error, RECORDINGS.plural)
            if len(sounds) == CHUNK_FILES or sum(map(len, sounds)) >= CHUNK_SAMPLES:
                yield columns(sounds, read)
                sounds, read = [], []
        if sounds:
            yield columns(sounds, read)
        if is_last:
            unreadable.check()

    return chunks
