"""Questions about short stories, in the form of the bAbI tasks.

One file, or a folder with files such as `qa1_single-supporting-fact_train.txt`. A sample is all
sentences of a story up to a question, and the question; its answer is one of the classes.

Source: Weston et al. 2015, "Towards AI-Complete Question Answering".
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Columns, RaggedArray
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.tokens import TokensField
from distnet.data.sources._like import Like, classes_like, tokens_like
from distnet.data.sources._splits import is_split_name, split_of
from distnet.data.sources.files.class_names import natural_order
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.source import Chunks, RawData
from distnet.data.sources.texts.stories import (
    QUESTIONS,
    Question,
    looks_like_stories,
    read_questions,
)
from distnet.data.sources.texts.utf8 import is_text_file
from distnet.data.survey.summary import Findings
from distnet.errors import DataError
from distnet.spec.plural import listed

IMPLIED_BY = "tasks"
MOST_WORDS = 10_000
MOST_NAMES = 10
"""Of answers and files, in messages."""
CHUNK = 1024


def detect(path: Path) -> bool:
    """Whether it is a file of numbered stories, or a folder with such a file for training."""
    files = [path]
    if path.is_dir():
        files = [f for f in sorted(path.iterdir()) if split_of(f.name) == "train"]
    return any(map(looks_like_stories, filter(is_text_file, files[:1])))


def read(
    path: Path,
    *,
    tasks: Sequence[int] = (),
    skip_unreadable: bool = False,
    like: Like | None = None,
) -> RawData:
    """Read all stories, and collect their words and answers.

    Args:
        path: the file or folder.
        tasks: the numbers of those to read; by default all.
        skip_unreadable: leave out, and count, questions that cannot be learned, and stories from a
            faulty line on.
        like: the fields of a dataset whose words and answers are taken.

    Raises:
        DataError: a file or line is faulty, or there is no file of a task.
        UnknownPartError: the package for words is not installed.
    """
    findings = Findings()
    files = _files(path, tasks, findings)
    unreadable = Unreadable(findings, skip=skip_unreadable)
    splits = {
        split: [q for file in found for q in read_questions(file, unreadable.add)]
        for split, found in files.items()
    }
    learned = splits.get("train") or next(iter(splits.values()))
    answers = classes_like(like) or natural_order({question.answer for question in learned})
    splits = {split: _known(found, answers, unreadable) for split, found in splits.items()}
    unreadable.check()
    if not learned:
        raise DataError(f"{path}: found no question to learn from, expected some behind sentences")
    texts = (question.text for question in learned)
    x = tokens_like(like, "x") or TokensField.learned(texts, tokenizer="words", most=MOST_WORDS)
    findings.read("different words", len(x.vocabulary))
    names = natural_order({task_of(file) for file in chain.from_iterable(files.values())})
    y, task = ClassField(classes=tuple(answers)), ClassField(classes=tuple(names))
    return RawData(
        fields={"x": x, "y": y, "task": task},
        splits={split: _chunks(found, x, y, task) for split, found in splits.items()},
        num_samples=sum(map(len, splits.values())),
        is_sequence=path.is_file(),
        findings=findings,
    )


def task_of(file: Path) -> str:
    """The name of a file's task: `qa1_single-supporting-fact` of `..._train.txt`."""
    parts = file.name.partition(".txt")[0].split("_")
    return "_".join(part for part in parts if not is_split_name(part)) or "stories"


def _known(
    questions: Iterable[Question], answers: Sequence[str], unreadable: Unreadable
) -> list[Question]:
    """The questions whose answers can be learned; the others are reported."""
    known = frozenset(answers)
    for question in questions:
        if question.answer not in known:
            wrong = (
                f"no question of the training has this answer; found {question.answer!r}, "
                f"expected one of {listed(answers, MOST_NAMES)}"
            )
            error = DataError(f"{question.location}: {wrong}")
            unreadable.add(question.location, error, QUESTIONS)
    return [question for question in questions if question.answer in known]


def _files(path: Path, tasks: Sequence[int], findings: Findings) -> dict[str, list[Path]]:
    """The chosen files of each split, in the order of their tasks.

    Raises:
        DataError: there are none, or none of a chosen task.
    """
    found = {"all": [path]} if path.is_file() else _files_of(path, findings)
    chosen = {split: [f for f in files if _is_of(f, tasks)] for split, files in found.items()}
    for split, files in chosen.items():
        missing = [task for task in tasks if not any(_is_of(file, (task,)) for file in files)]
        if missing:
            names = listed([file.name for file in found[split]], MOST_NAMES)
            where = "" if split == "all" else f" of {split}"
            raise DataError(f"{path}: found no file{where} of task {missing[0]}, only {names}")
        findings.read("files", len(files))
        if others := [file for file in found[split] if file not in files]:
            why, option = "they are of other tasks", "--tasks"
            findings.left_out(
                "files", why, example=str(others[0]), count=len(others), option=option
            )
    return chosen


def _files_of(folder: Path, findings: Findings) -> dict[str, list[Path]]:
    """The text files of a folder, by the splits in their names."""
    found: dict[str, list[Path]] = {}
    by_name = {file.name: file for file in folder.iterdir() if is_text_file(file)}
    for name in natural_order(by_name):
        if split := split_of(name):
            found.setdefault(split, []).append(by_name[name])
        else:
            why = "no word of the name is a split, such as train or test"
            findings.left_out("files", why, example=name, option="rename the file")
    if "train" not in found:
        raise DataError(f"{folder}: found no file such as qa1_train.txt here")
    return {"train": found.pop("train")} | found


def _is_of(file: Path, tasks: Sequence[int]) -> bool:
    """Whether it is a file of one of some tasks, or all are chosen."""
    number = re.match(r"qa([0-9]+)", file.name)
    return not tasks or (number is not None and int(number[1]) in tasks)


def _chunks(
    questions: Sequence[Question], x: TokensField, y: ClassField, task: ClassField
) -> Chunks:
    def chunks() -> Iterator[Columns]:
        for low in range(0, len(questions), CHUNK):
            part = questions[low : low + CHUNK]
            yield {
                "x": RaggedArray.of([x.encode(question.text) for question in part]),
                "y": _indices(y, (question.answer for question in part)),
                "task": _indices(task, (task_of(question.file) for question in part)),
            }

    return chunks


def _indices(field: ClassField, names: Iterable[str]) -> NDArray[np.int32]:
    index = {name: i for i, name in enumerate(field.classes)}
    return np.array([index[name] for name in names], np.int32)
