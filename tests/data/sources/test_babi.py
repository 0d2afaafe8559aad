"""Stories with questions, as the bAbI tasks have them."""

import gzip
from pathlib import Path

import pytest

from distnet.data.fields.tokens import TokensField
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.data.shards import ShardReader
from distnet.data.sources.source import detect_kinds
from distnet.errors import DataError

TRAIN = """\
1 Mary moved to the bathroom.
2 John went to the hall.
3 Where is Mary?\tbathroom\t1
4 John moved to the bathroom.
5 Where is John? \thall\t2 4
1 Mary went to the hall.
2 Where is Mary?\thall\t1
"""
TEST = "1 John went to the hall.\n2 Where is John?\thall\t1\n"
OTHER = "1 Mary is thirsty.\n2 Why did Mary go?\tthirsty\n"


def stories(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.txt").write_text(content)
    return folder


def samples(folder: Path, manifest: Manifest, split: str) -> list[tuple[str, str, str]]:
    columns = ShardReader(folder, manifest, split, ["x", "y", "task"]).read_group(0)
    x, y, task = (manifest.fields[name] for name in ("x", "y", "task"))
    assert isinstance(x, TokensField)
    return [
        (x.decode(columns["x"][i]), y.classes[columns["y"][i]], task.classes[columns["task"][i]])
        for i in range(len(columns["y"]))
    ]


def test_a_sample_is_a_story_up_to_a_question(tmp_path: Path) -> None:
    raw = stories(tmp_path / "raw", qa1_where_train=TRAIN, qa1_where_test=TEST)

    manifest = import_dataset(raw, tmp_path / "out")

    assert manifest.source == "babi: raw"
    assert samples(tmp_path / "out", manifest, "train") == [
        (
            "mary moved to the bathroom . john went to the hall . where is mary ?",
            "bathroom",
            "qa1_where",
        ),
        (
            "mary moved to the bathroom . john went to the hall . john moved to the bathroom . "
            "where is john ?",
            "hall",
            "qa1_where",
        ),
        ("mary went to the hall . where is mary ?", "hall", "qa1_where"),
    ]
    assert samples(tmp_path / "out", manifest, "test") == [
        ("john went to the hall . where is john ?", "hall", "qa1_where")
    ]


def test_tasks_are_chosen_by_their_numbers(tmp_path: Path) -> None:
    files = {
        f"qa{n}_{name}_{split}": text
        for n, name, text in ((2, "b", TRAIN), (10, "c", OTHER), (1, "a", TRAIN))
        for split in ("train", "test")
    }
    raw = stories(tmp_path / "raw", **files)

    chosen = import_dataset(raw, tmp_path / "out", options={"tasks": (10, 1)})
    every = import_dataset(raw, tmp_path / "every")

    assert every.fields["task"].classes == ("qa1_a", "qa2_b", "qa10_c")
    assert chosen.fields["task"].classes == ("qa1_a", "qa10_c")
    assert chosen.fields["task"].class_counts == {"train": (3, 1), "test": (3, 1)}
    assert chosen.y.classes == ("bathroom", "hall", "thirsty")
    assert chosen.import_summary is not None
    found = [(f.what, f.count, f.example) for f in chosen.import_summary.left_out]
    assert found == [("files", 2, "qa2_b_train.txt")]
    with pytest.raises(DataError, match=r"no file of train of task 3, only qa1_a_train.txt, qa2_b"):
        import_dataset(raw, tmp_path / "none", options={"tasks": (3,)})


def test_the_test_of_one_file_is_its_end(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt.gz"
    with gzip.open(file, "wt") as zipped:
        zipped.write(TRAIN)

    manifest = import_dataset(file, tmp_path / "out", test_fraction=0.34)

    assert {name: split.num_samples for name, split in manifest.splits.items()} == {
        "train": 2,
        "test": 1,
    }
    assert samples(tmp_path / "out", manifest, "test")[0][2] == "mine"


def test_other_texts_are_no_stories(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("1 apple\n2 pears\n")

    assert detect_kinds(tmp_path / "plain.txt") == ["text"]


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("Mary left.\n" + TRAIN, r"train\.txt:1: the line has no number; found 'Mary left\.'"),
        ("1 Mary left.\n3 John left.\n" + TRAIN, r":2: the number does not .*found 3, expected 2,"),
        ("2 Mary left.\n" + TRAIN, r":1: the number does not .*found 2, expected 1$"),
        ("1 Mary left.\n2 \n" + TRAIN, r":2: the line has no text"),
        ("1 Mary left.\n2 Who left?\n" + TRAIN, r":2: the question has no answer; found 'Who left"),
        ("1 Mary left.\n2 Who left?\t\t1\n" + TRAIN, r":2: the question has no answer"),
        ("1 Mary left.\n2 \tMary\t1\n" + TRAIN, r":2: the question has no text; .*'Mary'"),
        ("1 Who left?\tMary\n" + TRAIN, r":1: the story is empty; found 'Who left\?'"),
        ("1 Mary left.\n2 Who?\tMary\t1 7\n" + TRAIN, r":2: a supp.*found 7, expected of 1"),
        (
            "1 A.\n2 Who?\ta\t1\n3 Who?\ta\t2\n" + TRAIN,
            r":3: a supporting .*found 2, expected of 1",
        ),
        ("1 Mary left.\n", r"raw: found no question to learn from"),
    ],
)
def test_faults_are_named_with_their_row(tmp_path: Path, train: str, message: str) -> None:
    raw = stories(tmp_path / "raw", qa1_train=train, qa1_test=TEST if "\t" in train else "1 A.\n")

    with pytest.raises(DataError, match=rf"(?m){message}"):
        import_dataset(raw, tmp_path / "out", kind="babi")


def test_an_answer_that_cannot_be_learned_is_a_fault(tmp_path: Path) -> None:
    new = TEST.replace("\thall", "\tattic")
    raw = stories(tmp_path / "raw", qa1_train=TRAIN, qa1_test=new + TEST)

    with pytest.raises(
        DataError, match=r"test\.txt:2: no question of .*'attic', expected one of bathroom, hall\n"
    ):
        import_dataset(raw, tmp_path / "out")


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    """A question without an answer is left out alone; of a faulty line, the rest of its story."""
    train = "1 A left.\n2 Who left?\n3 Who?\thall\t1\n1 A.\nB left.\n3 Who?\thall\t1\n" + TRAIN
    test = TEST.replace("\thall", "\tattic") + TEST
    raw = stories(tmp_path / "raw", qa1_train=train, qa1_test=test)

    manifest = import_dataset(raw, tmp_path / "out", options={"skip_unreadable": True})

    assert {name: split.num_samples for name, split in manifest.splits.items()} == {
        "train": 4,
        "test": 1,
    }
    assert manifest.import_summary is not None
    assert {(f.what, f.why, f.count, f.example) for f in manifest.import_summary.left_out} == {
        ("questions", "the question has no answer", 1, "qa1_train.txt:2"),
        ("stories from a faulty line on", "the line has no number", 1, "qa1_train.txt:5"),
        ("questions", "no question of the training has this answer", 1, "qa1_test.txt:2"),
    }


def test_a_folder_without_files_to_learn_from(tmp_path: Path) -> None:
    raw = stories(tmp_path / "raw", qa1_test=TEST)

    with pytest.raises(DataError, match=r"raw: found no file such as qa1_train\.txt here"):
        import_dataset(raw, tmp_path / "out", options={"tasks": (1,)})


def test_words_and_answers_are_those_of_another_dataset(tmp_path: Path) -> None:
    raw = stories(tmp_path / "raw", qa1_train=TRAIN, qa1_test=TEST)
    learned = import_dataset(raw, tmp_path / "learned")
    (tmp_path / "mine_test.txt").write_text(TEST.replace("John", "Mary"))

    mine = import_dataset(
        tmp_path / "mine_test.txt", tmp_path / "out", like=tmp_path / "learned", test_fraction=1
    )

    assert (mine.x.vocabulary, mine.y.classes) == (learned.x.vocabulary, learned.y.classes)
    assert [one[:2] for one in samples(tmp_path / "out", mine, "test")] == [
        ("mary went to the hall . where is mary ?", "hall")
    ]
