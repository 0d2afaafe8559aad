"""Texts and their translations: two files a split, whose lines with one number belong together.

The files of a split end in the language: `train.de` and `train.en`, or `train.de.gz`. The source
becomes the field `x`, its translation the field `y`; each has a vocabulary of its own, learned
from the training split.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from distnet.data.column import Columns, RaggedArray
from distnet.data.fields._tokenizers import Tokenizer
from distnet.data.fields.tokens import TokensField
from distnet.data.sources._like import Like, tokens_like
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.source import Chunks, RawData
from distnet.data.sources.texts.languages import PairedFiles, find_pairs, is_parallel
from distnet.data.sources.texts.pairs import survey_pairs, usable_pairs
from distnet.data.survey.summary import Findings

IMPLIED_BY = "source_lang"
MOST_TOKENS = 10_000
CHUNK_PAIRS = 1024


def detect(path: Path) -> bool:
    """Whether it is a folder with a training text in two languages."""
    return is_parallel(path)


def read(
    path: Path,
    *,
    source_lang: str = "",
    target_lang: str = "",
    tokenizer: Tokenizer = "bpe",
    vocabulary: int = MOST_TOKENS,
    skip_unreadable: bool = False,
    like: Like | None = None,
) -> RawData:
    """Read the texts of two languages; those of others are left out.

    Args:
        path: the folder.
        source_lang: the language to translate from, with which names of files end: `de`.
        target_lang: the language to translate to.
        tokenizer: what a token is: parts of words (`bpe`), `words` or `characters`. Only parts of
            words give a text back as it was written.
        vocabulary: the most tokens that are kept of each language.
        skip_unreadable: leave out, and count, pairs of which a line is empty or not UTF-8, and
            files without a partner.
        like: the fields of a dataset whose tokens are taken, instead of those that occur here.

    Raises:
        DataError: a file or a line has no partner, or a line is empty or not UTF-8.
        UnknownPartError: the package for words is not installed.
    """
    findings = Findings()
    unreadable = Unreadable(findings, skip=skip_unreadable)
    splits = find_pairs(path, source_lang, target_lang, findings, unreadable)
    counts = [survey_pairs(texts, findings, unreadable) for texts in splits.values()]
    unreadable.check()
    learned = splits.get("train") or next(iter(splits.values()))
    sources = (pair.source for _, pair in usable_pairs(learned))
    targets = (pair.target for _, pair in usable_pairs(learned))
    kind, most = tokenizer, vocabulary
    x = tokens_like(like, "x") or TokensField.learned(sources, tokenizer=kind, most=most)
    y = tokens_like(like, "y") or TokensField.learned(targets, tokenizer=kind, most=most)
    for language, field in ((source_lang, x), (target_lang, y)):
        findings.read(f"different tokens of {language}", len(field.vocabulary))

    def locate(split: str, index: int) -> str:
        files, pair = next(islice(usable_pairs(splits[split]), index, None))
        return f"{files.source}:{pair.row}"

    return RawData(
        fields={"x": x, "y": y},
        splits={name: _chunks(texts, x, y) for name, texts in splits.items()},
        num_samples=sum(counts),
        findings=findings,
        locate=locate,
    )


def _chunks(texts: Sequence[PairedFiles], x: TokensField, y: TokensField) -> Chunks:
    def chunks() -> Iterator[Columns]:
        pairs = (pair for _, pair in usable_pairs(texts))
        while chunk := list(islice(pairs, CHUNK_PAIRS)):
            yield {
                "x": RaggedArray.of([x.encode(pair.source) for pair in chunk]),
                "y": RaggedArray.of([y.encode(pair.target) for pair in chunk]),
            }

    return chunks
