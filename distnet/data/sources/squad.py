"""Questions whose answers are parts of a text, in the form of SQuAD (JSON, also compressed).

One file, or a folder with files such as `train-v1.1.json` and `dev-v1.1.json`. A sample is a text,
a question and the tokens that answer it; of several answers the first, while all are kept as texts.

Source: Rajpurkar et al. 2016, "SQuAD: 100,000+ Questions for Machine Comprehension of Text".
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np

from distnet.data.column import Columns, RaggedArray
from distnet.data.fields._tokenizers import Tokenizer
from distnet.data.fields.span import SpanField
from distnet.data.fields.text import TextField
from distnet.data.fields.tokens import TokensField
from distnet.data.sources._like import Like, tokens_like
from distnet.data.sources._splits import split_files, split_of
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.source import Chunks, RawData
from distnet.data.sources.texts.squad_file import SUFFIXES, Question, SquadReader, looks_like_squad
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

MOST_TOKENS = 10_000
CHUNK = 256


def detect(path: Path) -> bool:
    """Whether it is such a file, or a folder with one for training."""
    files = [path]
    if path.is_dir():
        files = [f for f in sorted(path.iterdir()) if split_of(f.name) == "train"]
    return any(map(looks_like_squad, files))


def read(
    path: Path,
    *,
    tokenizer: Tokenizer = "words",
    vocabulary: int = MOST_TOKENS,
    skip_unreadable: bool = False,
    like: Like | None = None,
) -> RawData:
    """Read all questions, and collect the tokens.

    Args:
        path: the file or folder.
        tokenizer: what a token is: `characters`, `words` or `bpe` (parts of words).
        vocabulary: the most tokens that are kept, by how often they occur.
        skip_unreadable: leave out, and count, faulty articles, paragraphs and questions.
        like: the fields of a dataset whose tokens are taken, instead of those that occur here.

    Raises:
        DataError: a file is not in this form, or a question is faulty.
        UnknownPartError: the package for words is not installed.
    """
    findings = Findings()
    unreadable = Unreadable(findings, skip=skip_unreadable)
    reader = SquadReader(findings, unreadable)
    splits = {
        split: list(chain.from_iterable(map(reader.questions, files)))
        for split, files in split_files(path, SUFFIXES, findings).items()
    }
    unreadable.check()
    learned = splits.get("train") or next(iter(splits.values()))
    contexts = dict.fromkeys(question.context for question in learned)
    if not contexts:
        raise DataError("\n".join([f"{path}: found no question", *findings.left_out_lines()]))
    texts = chain(contexts, (question.question for question in learned))
    tokens = tokens_like(like, "context") or TokensField.learned(
        texts, tokenizer=tokenizer, most=vocabulary
    )
    findings.read("different tokens", len(tokens.vocabulary))
    findings.read("texts to learn from", len(contexts))
    return RawData(
        fields={
            "context": tokens,
            "question": tokens,
            "span": SpanField(of="context"),
            "text": TextField(),
            "answers": TextField(),
        },
        splits={split: _chunks(found, tokens, findings) for split, found in splits.items()},
        num_samples=sum(map(len, splits.values())),
        findings=findings,
    )


def _chunks(questions: Sequence[Question], field: TokensField, findings: Findings) -> Chunks:
    # The questions of a text follow one another.
    encode, offsets = lru_cache(1)(field.encode), lru_cache(1)(field.offsets)

    def chunks() -> Iterator[Columns]:
        for low in range(0, len(questions), CHUNK):
            part = questions[low : low + CHUNK]
            spans = [_span(question, offsets(question.context), findings) for question in part]
            yield {
                "context": RaggedArray.of([encode(question.context) for question in part]),
                "question": RaggedArray.of([field.encode(question.question) for question in part]),
                "span": np.array(spans, np.int32),
                "text": TextField.encode(question.context for question in part),
                "answers": TextField.encode("\n".join(question.answers) for question in part),
            }

    return chunks


def _span(
    question: Question, offsets: Sequence[tuple[int, int]], findings: Findings
) -> tuple[int, int]:
    """The first and the last token of the first answer; whole tokens."""
    context, start, stop = question.context, question.start, question.stop
    covered = [i for i, (low, high) in enumerate(offsets) if low < stop and high > start]
    first, last = covered[0], covered[-1]
    more = context[offsets[first][0] : start] + context[stop : offsets[last][1]]
    if more.strip():
        what, why = "answers that begin or end inside of a token", "the whole token is learned"
        findings.warned(what, why, example=question.location)
    return first, last
