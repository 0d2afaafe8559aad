"""How texts become tokens, and come back."""

import numpy as np
import pytest

from distnet.data.fields._tokenizers import Tokenizer
from distnet.data.fields.tokens import TokensField
from distnet.data.manifest import Manifest
from distnet.errors import DataError

TEXTS = ["The film isn't bad , it 's GOOD .", "the film is good", "A bad film . . ."] * 2


def learned(tokenizer: Tokenizer, most: int = 1000, texts: list[str] = TEXTS) -> TokensField:
    return TokensField.learned(texts, tokenizer=tokenizer, most=most)


def words(text: str) -> list[str]:
    field = learned("words", texts=[text, text])
    return [field.vocabulary[token] for token in field.encode(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't like it.", ["i", "do", "n't", "like", "it", "."]),
        ("i do n't like it .", ["i", "do", "n't", "like", "it", "."]),
        ("It\u2019s what you've CAN'T", ["it", "'s", "what", "you", "'ve", "ca", "n't"]),
        ("'well-made'... 90%!!", ["'", "well", "-", "made", "'", "...", "90", "%", "!!"]),
        ("\uff26\uff49\uff4c\uff4d  caf\u00e9\n", ["film", "caf\u00e9"]),
    ],
)
def test_words_are_those_of_the_penn_treebank(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_the_most_frequent_words_are_kept_and_others_are_unknown() -> None:
    field = learned("words", most=4, texts=["b a a c", "b a d d", "c"])

    assert field.vocabulary == ("<unk>", "a", "b", "c")  # those as frequent: by their letters
    assert field.encode("a new c").tolist() == [1, 0, 3]
    assert field.decode(np.array([1, 0, 3])) == "a <unk> c"


def test_what_occurs_once_teaches_what_an_unknown_token_is() -> None:
    assert learned("words", texts=["b a a", "b once"]).vocabulary == ("<unk>", "a", "b")
    assert learned("characters", texts=["aab", "bc"]).vocabulary == ("<unk>", "a", "b")


def test_characters_that_are_not_known() -> None:
    field = learned("characters", texts=["abab"])

    assert field.encode("abz").tolist() == [1, 2, 0]
    with pytest.raises(KeyError, match="z"):
        TokensField(vocabulary=("a", "b")).encode("abz")


@pytest.mark.parametrize(
    "text", ["", " two  spaces\n", "caf\u00e9 \U0001f600\t\u4f60\u597d", "Film"]
)
def test_parts_of_words_come_back_as_they_were(text: str) -> None:
    field = learned("bpe", most=300)

    assert field.decode(field.encode(text)) == text


UNICODE = [
    "\u05e9\u05dc\u05d5\u05dd",
    "\u0928\u092e\u0938\u094d\u0924\u0947",
    "\u65e5\u672c",
    "e\u0301 \U0001f469\u200d\U0001f680",
]


@pytest.mark.parametrize("tokenizer", ["characters", "words", "bpe"])
def test_texts_of_any_script_come_back(tokenizer: Tokenizer) -> None:
    field = learned(tokenizer, texts=UNICODE * 2)

    found = [field.decode(field.encode(text)) for text in UNICODE]

    words = [*UNICODE[:3], "\u00e9 \U0001f469 \u200d \U0001f680"]  # composed, each sign a word
    assert found == (words if tokenizer == "words" else UNICODE)
    assert [field.decode(field.encode(text)) for text in found] == found


def test_frequent_parts_of_words_are_one_token() -> None:
    field = learned("bpe", most=300)

    assert len(field.encode(" film")) == 1
    assert len(field.encode(" xylophone")) > 5
    assert len(field.vocabulary) == 256 + len(field.merges) <= 300


@pytest.mark.parametrize("tokenizer", ["characters", "words", "bpe"])
def test_a_manifest_is_all_that_a_text_needs_later(tokenizer: Tokenizer) -> None:
    field = learned(tokenizer, most=280)
    split = {"num_samples": 0, "shards": ()}
    manifest = Manifest.model_validate(
        {"name": "texts", "source": "", "fields": {"x": field}, "splits": {"train": split}}
    )

    (again,) = Manifest.model_validate_json(manifest.to_json()).fields.values()

    assert again == field == learned(tokenizer, most=280)
    assert isinstance(again, TokensField)
    assert again.encode(TEXTS[0]).tolist() == field.encode(TEXTS[0]).tolist()
    assert again.of_length(5).encode(TEXTS[0]).tolist() == field.encode(TEXTS[0]).tolist()


def test_a_vocabulary_that_is_too_small() -> None:
    with pytest.raises(DataError, match=r"--vocabulary: found 100, expected at least 256 for bpe"):
        learned("bpe", most=100)


def test_a_long_text_is_cut_in_captions() -> None:
    field = learned("characters", texts=["ab" * 300])
    assert field.caption(field.encode("ab" * 50)) == "ab" * 50
    assert field.caption(field.encode("ab" * 150)) == "ab" * 100 + "..."
