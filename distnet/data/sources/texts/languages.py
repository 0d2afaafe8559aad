"""Which files of a folder are translations of one another: `train.de` and `train.en`."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from distnet.data.sources._splits import split_of
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

CODE = re.compile(r"[a-z]{2}([-_][A-Za-z]{2,4})?")
"""A language in the name of a file: `de`, `pt_BR`, `zh-Hans`."""
BY_NAME = "rename the files"


@dataclass(frozen=True)
class PairedFiles:
    """Two files; each line of one is the translation of the line of that number in the other."""

    source: Path
    target: Path


def is_parallel(path: Path) -> bool:
    """Whether a folder has a training text in two languages."""
    found = _languages(path) if path.is_dir() else {}
    return any(split_of(stem) == "train" and len(codes) > 1 for stem, codes in found.items())


def find_pairs(
    path: Path, source: str, target: str, findings: Findings, unreadable: Unreadable
) -> dict[str, list[PairedFiles]]:
    """Find the pairs of files of each split.

    Files for training are joined. Of several files for another split, such as `test_2016` and
    `test_2017`, each is a split with its own name, as results are stated for each test set.

    Args:
        path: the folder.
        source: the end of the names of the files to translate from.
        target: the end of the names of the files to translate to.
        findings: takes what was left out and guessed.
        unreadable: takes files without a partner.

    Raises:
        DataError: it is no folder, or has no files of these languages.
    """
    if not path.is_dir():
        raise DataError(f"{path}: a file, expected a folder with train.{source}, train.{target}")
    if not source or not target or source == target:
        raise DataError(f"{path}: {_unnamed(path, source, target)}")
    sides = _sides(path, (source, target), findings)
    pairs = {}
    for stem, files in sides.items():
        for here, there in ((source, target), (target, source)):
            if there not in files:
                file, lacks = files[here], f"found no partner {stem}.{there} beside it"
                fault = DataError(f"{file}: {lacks}; add it, or move {file.name} away")
                unreadable.add(str(file), fault, "files")
        if len(files) == 2:
            pairs[stem] = PairedFiles(files[source], files[target])
    if not sides:
        raise DataError(f"{path}: found no files such as train.{source}; {_found(path)}")
    unreadable.check()
    findings.read("files", 2 * len(pairs))
    return _splits(pairs, findings)


def _languages(path: Path) -> dict[str, set[str]]:
    """The languages of each text of a folder, by the names of its files."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in path.iterdir():
        stem, language = _parts(file)
        if stem and CODE.fullmatch(language) and file.is_file():
            found[stem].add(language)
    return found


def _parts(file: Path) -> tuple[str, str]:
    """The name of a text and its language: `train.de.gz` is `train` in `de`."""
    stem, _, language = file.name.removesuffix(".gz").removesuffix(".txt").rpartition(".")
    return stem, language


def _found(path: Path) -> str:
    """The languages of a folder, for a message."""
    codes = sorted(set().union(*_languages(path).values()))
    if not codes:
        return "no name of a file here ends in a language, as train.de does"
    return f"there are texts in {', '.join(codes)}"


def _unnamed(path: Path, source: str, target: str) -> str:
    """Why two languages are not clear."""
    if source and source == target:
        return f"--source-lang and --target-lang are both {source}, expected two languages"
    return f"{_found(path)}; name two of them, such as: --source-lang de --target-lang en"


def _sides(
    path: Path, languages: tuple[str, str], findings: Findings
) -> dict[str, dict[str, Path]]:
    """The files of each text, by language."""
    sides: dict[str, dict[str, Path]] = defaultdict(dict)
    for file in _visible(path, findings):
        stem, language = _parts(file)
        if language not in languages:
            is_text = bool(CODE.fullmatch(language))
            what = "files in other languages" if is_text else "other files"
            findings.left_out(what, f"only {' and '.join(languages)} are read", example=file.name)
            continue
        if language in sides[stem]:
            first = sides[stem][language]
            raise DataError(f"{first}: the same text as {file.name}; move one of them away")
        sides[stem][language] = file
    return sides


def _visible(path: Path, findings: Findings) -> Iterator[Path]:
    for file in sorted(path.iterdir()):
        if file.name.startswith("."):
            findings.left_out("hidden files", "the name begins with a dot", example=file.name)
        elif file.is_dir():
            why = "only files of the folder itself are read"
            findings.left_out("folders", why, example=file.name)
        else:
            yield file


def _splits(pairs: Mapping[str, PairedFiles], findings: Findings) -> dict[str, list[PairedFiles]]:
    """The texts of each split, by their names."""
    stems: dict[str | None, list[str]] = defaultdict(list)
    for stem in pairs:
        stems[split_of(stem)].append(stem)
    if "train" not in stems:
        if len(pairs) > 1:
            why = "no name says train, so all texts are one"
            findings.guessed("splits", "none", why, example=next(iter(pairs)), option=BY_NAME)
        return {"all": list(pairs.values())}
    for stem in stems.pop(None, []):
        why = "no word of the name is a split, such as train or test"
        findings.left_out("texts", why, example=stem, option=BY_NAME)
    splits = {"train": [pairs[stem] for stem in stems.pop("train")]}
    for split, found in stems.items():
        splits |= {name: [pairs[stem]] for name, stem in _names(str(split), found).items()}
        if len(found) > 1:
            why = f"several texts mean {split}, and each is measured by itself"
            value, option = ", ".join(_names(str(split), found)), "evaluate.split in the job file"
            findings.guessed("splits", value, why, option=option)
    return splits


def _names(split: str, stems: Sequence[str]) -> dict[str, str]:
    """The text of each split: one alone is called as the split is, several by their own names."""
    if len(stems) == 1:
        return {split: stems[0]}
    return {re.sub(r"[^A-Za-z0-9_-]+", "-", stem): stem for stem in stems}
