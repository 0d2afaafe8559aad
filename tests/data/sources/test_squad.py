"""Questions whose answers are parts of a text, in the form of SQuAD."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distnet.data.fields.text import TextField
from distnet.data.fields.tokens import TokensField
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.data.shards import ShardReader
from distnet.data.verify import verify_dataset
from distnet.errors import DataError

CONTEXT = "The Panthers' defense gave up\njust 308 points, said Ron Rivera of North\u00a0Carolina."
Change = Callable[[dict[str, Any]], Any]


def question(name: str, text: str, *answers: str, **more: Any) -> dict[str, Any]:
    found = [{"text": a, "answer_start": CONTEXT.index(a)} for a in answers]
    return {"id": name, "question": text, "answers": found} | more


def squad(*questions: dict[str, Any], context: str = CONTEXT) -> dict[str, Any]:
    return {"data": [{"paragraphs": [{"context": context, "qas": list(questions)}]}]}


POINTS = question("q1", "How many points?", "308", "just 308 points")
WHO = question("q2", "Who said so?", "Ron Rivera")


def imported(folder: Path, content: object, **options: Any) -> Manifest:
    file = folder / "some.json"
    file.write_text(json.dumps(content))
    return import_dataset(
        file, folder / "out", kind="squad", test_fraction=0, options=options, force=True
    )


def samples(folder: Path, manifest: Manifest, split: str = "train") -> list[dict[str, Any]]:
    """The samples, with the first answer read from the tokens by their offsets."""
    columns = ShardReader(folder, manifest, split, list(manifest.fields)).read_group(0)
    tokens = manifest.fields["context"]
    assert isinstance(tokens, TokensField)
    found = []
    for i in range(len(columns["span"])):
        text = TextField.decode(columns["text"][i])
        first, last = columns["span"][i].tolist()
        offsets = tokens.offsets(text)
        assert len(offsets) == len(columns["context"][i])
        found.append(
            {
                "question": tokens.decode(columns["question"][i]),
                "span": (first, last),
                "part": text[offsets[first][0] : offsets[last][1]].strip(),
                "answers": TextField.decode(columns["answers"][i]).split("\n"),
            }
        )
    return found


@pytest.mark.parametrize("tokenizer", ["words", "characters", "bpe"])
def test_a_span_of_tokens_gives_the_answer_as_it_was_written(
    tmp_path: Path, tokenizer: str
) -> None:
    again = squad(POINTS | {"id": "a"}, WHO | {"id": "b"})  # so that each word occurs twice
    content = {"data": squad(POINTS, WHO)["data"] + again["data"]}

    manifest = imported(tmp_path, content, tokenizer=tokenizer, vocabulary=300)

    found = samples(tmp_path / "out", manifest)
    assert [one["part"] for one in found[:2]] == ["308", "Ron Rivera"]
    assert found[0]["answers"] == ["308", "just 308 points"]
    assert found[1]["answers"] == ["Ron Rivera"]
    if tokenizer == "words":
        assert found[0]["question"] == "how many points ?"
        assert [one["span"] for one in found[:2]] == [(7, 7), (11, 12)]
    assert verify_dataset(tmp_path / "out") == []


def test_splits_of_a_folder_and_the_vocabulary_of_the_training(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "train-v1.1.json").write_text(json.dumps(squad(POINTS, WHO)))
    other = {"id": "q3", "question": "Who?", "answers": [{"text": "Newton", "answer_start": 0}]}
    with gzip.open(raw / "dev-v1.1.json.gz", "wt") as file:
        json.dump(squad(other, context="Newton said points."), file)

    manifest = import_dataset(raw, tmp_path / "out")

    assert manifest.source == "squad: raw"
    assert {name: split.num_samples for name, split in manifest.splits.items()} == {
        "train": 2,
        "dev": 1,
    }
    (found,) = samples(tmp_path / "out", manifest, "dev")
    assert (found["question"], found["part"]) == ("<unk> ?", "Newton")


def test_questions_of_a_text_stay_on_one_side(tmp_path: Path) -> None:
    """Else a network could learn the texts on which it is measured."""
    texts = [f"Team {n} won {n} points." for n in range(40)]
    parts = [
        squad(
            *(
                {"id": f"{n}-{i}", "question": "?", "answers": [{"text": t, "answer_start": 0}]}
                for i in range(3)
            ),
            context=t,
        )["data"][0]
        for n, t in enumerate(texts)
    ]
    (tmp_path / "some.json").write_text(json.dumps({"data": parts}))

    manifest = import_dataset(tmp_path / "some.json", tmp_path / "out")

    sides = [
        {one["part"] for one in samples(tmp_path / "out", manifest, split)}
        for split in ("train", "test")
    ]
    assert len(sides[0]) + len(sides[1]) == len(texts)
    assert all(sides)


def changed(change: Change) -> dict[str, Any]:
    content = json.loads(json.dumps(squad(POINTS, WHO)))
    change(content)
    return dict(content)


def first(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content["data"][0]["paragraphs"][0]["qas"][0]
    return found


PLACE = r"some\.json: article 1, paragraph 1, question q1: "


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: first(c)["answers"][0].update(answer_start=3),
            PLACE + r"the answer is not at .*found ' Pa' at 3, expected '308', which begins at 35",
        ),
        (
            lambda c: first(c)["answers"][0].update(text="309"),
            PLACE + r"the answer is not .*expected '309', which the context does not contain",
        ),
        (lambda c: first(c)["answers"][1].update(text=" "), PLACE + r"the text is empty"),
        (lambda c: first(c)["answers"][0].pop("text"), PLACE + r"the key 'text' is missing; found"),
        (lambda c: first(c)["answers"][0].update(answer_start="3"), PLACE + r"the answer_start is"),
        (lambda c: first(c)["answers"].clear(), PLACE + r"the question has no answers"),
        (lambda c: first(c).update(question=""), PLACE + r"the question is empty; found ''"),
        (
            lambda c: first(c).update(id="q2"),
            r"paragraph 1, question q2: another question has this id; found it at .*question q2",
        ),
        (lambda c: first(c).pop("id"), r"paragraph 1, question 1: the key 'id' is missing"),
        (
            lambda c: c["data"][0]["paragraphs"][0].pop("context"),
            r"some\.json: article 1, paragraph 1: the key 'context' is missing; found .*'qas'",
        ),
        (lambda c: c["data"][0].pop("paragraphs"), r"article 1: the key 'paragraphs' is missing"),
        (lambda c: c.pop("data"), r"some\.json: the key 'data' is missing; found the keys none"),
    ],
)
def test_faults_are_named_with_their_question(tmp_path: Path, change: Change, message: str) -> None:
    with pytest.raises(DataError, match=message):
        imported(tmp_path, changed(change))


def test_what_is_no_json_is_named_with_its_row(tmp_path: Path) -> None:
    (tmp_path / "some.json").write_text('{"data": [\n}')

    with pytest.raises(DataError, match=r"some\.json:2: not JSON: "):
        import_dataset(tmp_path / "some.json", tmp_path / "out", kind="squad")


@pytest.mark.parametrize(
    ("content", "fault"),
    [("[" * 100_000, "it is nested too deeply"), ("[" + "1" * 5000, "Exceeds the limit")],
)
def test_json_that_python_cannot_read_is_named(content: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "some.json").write_text('{"data": ' + content)

    with pytest.raises(DataError, match=rf"some\.json: not JSON that can be read: {fault}"):
        import_dataset(tmp_path / "some.json", tmp_path / "out", kind="squad")


@pytest.mark.parametrize("key", ["context", "question", "id"])
def test_half_of_a_surrogate_pair_is_no_text(key: str, tmp_path: Path) -> None:
    text = json.dumps(squad(POINTS, WHO)).replace(f'"{key}": "', f'"{key}": "\\ud800', 1)
    (tmp_path / "some.json").write_text(text)

    with pytest.raises(DataError, match=rf"the {key} has half of a surrogate pair; found ..ud800"):
        import_dataset(tmp_path / "some.json", tmp_path / "out", kind="squad")


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    """Questions of SQuAD 2 that have no answer always, faulty ones if that is wanted."""
    impossible = question("q3", "Who lost?", is_impossible=True)
    wrong = question("q4", "Who?", "Ron Rivera")
    wrong["answers"][0]["answer_start"] = 0

    manifest = imported(tmp_path, squad(POINTS, WHO, impossible, wrong), skip_unreadable=True)

    assert manifest.splits["train"].num_samples == 2
    assert manifest.import_summary is not None
    assert [(f.what, f.why, f.count) for f in manifest.import_summary.left_out] == [
        ("questions", "is_impossible: the text does not answer them", 1),
        ("questions", "the answer is not at its answer_start", 1),
    ]


def test_a_part_of_a_word_is_counted(tmp_path: Path) -> None:
    manifest = imported(tmp_path, squad(POINTS, question("q5", "Whose?", "Panther")))

    assert samples(tmp_path / "out", manifest)[1]["part"] == "Panthers"
    assert manifest.import_summary is not None
    warned = [f.what for f in manifest.import_summary.warnings]
    assert "answers that begin or end inside of a token" in warned


def test_tokens_are_those_of_another_dataset(tmp_path: Path) -> None:
    imported(tmp_path, squad(POINTS, WHO))
    one = {"id": "z", "question": "How?", "answers": [{"text": "Newton", "answer_start": 0}]}
    (tmp_path / "other.json").write_text(json.dumps(squad(one, context="Newton said, how?")))

    other = import_dataset(
        tmp_path / "other.json", tmp_path / "like", like=tmp_path / "out", test_fraction=1
    )

    (found,) = samples(tmp_path / "like", other, "test")
    assert (found["question"], found["part"]) == ("<unk> ?", "Newton")
