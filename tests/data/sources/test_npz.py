from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.data.survey.summary import Finding
from distnet.errors import DataError
from tests.data.raw_files import read_split

BYTES = np.arange(24, dtype=np.uint8)


def import_arrays(
    folder: Path, options: dict[str, Any] | None = None, **values: NDArray[Any]
) -> Manifest:
    np.savez_compressed(folder / "data.npz", **values)
    return import_dataset(
        folder / "data.npz", folder / "out", test_fraction=0, force=True, options=options
    )


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((2, 3, 4), (1, 3, 4)), ((2, 2, 2, 3), (3, 2, 2)), ((2, 3, 2, 2), (3, 2, 2))],
)
def test_bytes_of_three_or_four_dimensions_are_images(
    tmp_path: Path, shape: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    values = BYTES.reshape(shape)
    manifest = import_arrays(tmp_path, x=values, y=np.array([0, 1]))
    assert (manifest.x.kind, manifest.x.shape) == ("image", expected)
    x, _ = read_split(tmp_path / "out", "train")
    is_last = len(shape) == 4 and shape[-1] == 3
    np.testing.assert_array_equal(
        x, values.transpose(0, 3, 1, 2) if is_last else values.reshape(2, *expected)
    )


def test_splits_come_from_the_names(tmp_path: Path) -> None:
    x = np.arange(10, dtype=np.float64).reshape(5, 2)
    y = np.array([0, 1, 2, 0, 1])
    manifest = import_arrays(tmp_path, x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])
    assert manifest.y.class_counts["train"] == (2, 2, 1)
    assert manifest.splits["test"].num_samples == 2


@pytest.mark.parametrize("form", ["{split}_{name}", "{name}_{split}"])
def test_arrays_may_have_other_names(tmp_path: Path, form: str) -> None:
    x, y = np.arange(10, dtype=np.float64).reshape(5, 2), np.array([0, 1, 2, 0, 1])
    arrays = {
        form.format(split=split, name=name): values[:n]
        for split, n in (("train", 5), ("val", 3), ("test", 2))
        for name, values in (("images", x), ("labels", y))
    }
    with pytest.raises(DataError, match=r"found .*images.*; name others, .* with --inputs KEY and"):
        import_arrays(tmp_path, **arrays)

    manifest = import_arrays(tmp_path, {"inputs": "images", "target": ("labels",)}, **arrays)

    assert {name: split.num_samples for name, split in manifest.splits.items()} == {
        "train": 5,
        "val": 3,
        "test": 2,
    }
    found, labels = read_split(tmp_path / "out", "val")
    assert (found.tolist(), labels.tolist()) == (x[:3].tolist(), [0, 1, 2])
    manifest = import_arrays(tmp_path, {"inputs": "f"}, f=x, y=y, other=y)
    assert manifest.splits["train"].num_samples == 5
    assert manifest.import_summary is not None
    assert manifest.import_summary.left_out[0].option == "--inputs KEY, --target KEY"


def test_texts_are_classes(tmp_path: Path) -> None:
    x = np.zeros((3, 2))
    assert import_arrays(tmp_path, x=x, y=np.array(["b", "a", "b"])).y.classes == ("a", "b")
    assert read_split(tmp_path / "out", "train")[1].tolist() == [1, 0, 1]


def test_floats_are_numbers_by_default(tmp_path: Path) -> None:
    x, y = np.zeros((3, 2)), np.array([0.0, 1.0, 1.0])
    assert import_arrays(tmp_path, x=x, y=y).y.shape == (1,)
    assert import_arrays(tmp_path, {"target_kind": "class"}, x=x, y=y).y.classes == ("0", "1")


@pytest.mark.parametrize("kind", [np.float64, np.int8, bool])
def test_one_hot_rows_are_classes(tmp_path: Path, kind: type) -> None:
    y = np.eye(4, dtype=kind)[[2, 0, 2]]
    manifest = import_arrays(tmp_path, x=np.zeros((3, 2)), y=y)
    assert manifest.y.classes == ("0", "1", "2", "3")
    assert read_split(tmp_path / "out", "train")[1].tolist() == [2, 0, 2]
    assert "one-hot" in guess_of(manifest).why
    named = import_arrays(tmp_path, {"classes": tuple("abcd")}, x=np.zeros((3, 2)), y=y)
    assert named.y.classes == tuple("abcd")
    numbers = import_arrays(tmp_path, {"target_kind": "number"}, x=np.zeros((3, 2)), y=y)
    assert (numbers.y.kind, numbers.y.shape) == ("number", (4,))


def guess_of(manifest: Manifest) -> Finding:
    assert manifest.import_summary is not None
    return {found.what: found for found in manifest.import_summary.guessed}["kind of target"]


@pytest.mark.parametrize(
    ("y", "kind", "why"),
    [
        (np.array([0.0, 1, 1, 0]), "class", "2 different whole numbers"),
        (np.arange(50.0), "number", "more than 20"),
        (np.array([0.5, 1, 1, 0]), "number", "fractions"),
        (np.array([[1, 1], [0, 1], [1, 0], [0, 1]]), "number", "not one-hot"),
        (np.array([[2], [0], [0], [2]]), "class", "2 different integers"),
        (np.arange(50) * 1000, "number", "more than 20 different integers"),
        (np.array(["b", "a"] * 2), "class", "text"),
    ],
)
def test_the_guess_of_classes_or_numbers_is_reported(
    tmp_path: Path, y: NDArray[Any], kind: str, why: str
) -> None:
    manifest = import_arrays(tmp_path, x=np.zeros((len(y), 2)), y=y)
    found = guess_of(manifest)
    assert (manifest.y.kind, found.value) == (kind, kind)
    assert why in found.why
    assert found.option.startswith("--target-kind")


def test_identifiers_are_classes_to_the_last_digit(tmp_path: Path) -> None:
    ids = np.array([2**64 - 1, 2**64 - 2, 7], np.uint64)
    manifest = import_arrays(tmp_path, x=np.zeros((3, 2)), y=ids)
    assert manifest.y.classes == ("7", str(2**64 - 2), str(2**64 - 1))
    assert read_split(tmp_path / "out", "train")[1].tolist() == [2, 1, 0]


def test_the_signs_of_a_margin_are_classes(tmp_path: Path) -> None:
    manifest = import_arrays(tmp_path, x=np.zeros((4, 2)), y=np.array([1, -1, -1, 1]))
    assert manifest.y.classes == ("-1", "1")
    assert read_split(tmp_path / "out", "train")[1].tolist() == [1, 0, 0, 1]


def test_labels_that_leave_out_most_numbers_are_names(tmp_path: Path) -> None:
    for labels, classes in (
        ([2001, 2003, 2002], ("2001", "2002", "2003")),
        ([10115, 99999, 10115], ("10115", "99999")),
        ([3, 8, 3], tuple(map(str, range(9)))),
    ):
        manifest = import_arrays(tmp_path, x=np.zeros((6, 2)), y=np.array(labels * 2))
        assert manifest.y.classes == classes
        _, y = read_split(tmp_path / "out", "train")
        assert [classes[index] for index in y] == list(map(str, labels * 2))


def test_splits_of_which_one_is_not_one_hot_are_refused(tmp_path: Path) -> None:
    y, other = np.eye(3)[[0, 1, 2]], np.array([[1, 0, 0], [0, 0, 0], [1, 0, 0]])
    x = np.zeros((3, 2))
    with pytest.raises(DataError, match=r"y of train is one-hot, but y of test\[1\] is \[0 0 0\]"):
        import_arrays(tmp_path, x_train=x, y_train=y, x_test=x, y_test=other)
    with pytest.raises(DataError, match=r"not all one-hot; y of all\[1\] is \[0, 0, 0\]"):
        import_arrays(tmp_path, {"target_kind": "class"}, x=x, y=other)


def test_other_splits_are_read_and_other_arrays_counted(tmp_path: Path) -> None:
    x, y = np.zeros((4, 2)), np.array([0, 1, 0, 1])
    parts = {f"{name}_{split}": v for split in ("train", "val") for name, v in (("x", x), ("y", y))}
    manifest = import_arrays(tmp_path, **parts, ids=y, history=y)
    assert list(manifest.splits) == ["train", "val"]
    assert manifest.import_summary is not None
    (left_out,) = manifest.import_summary.left_out
    assert (left_out.what, left_out.count, left_out.example) == ("arrays", 2, "ids")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"a": BYTES}, "expected arrays x and y.*found a"),
        ({"x_train": BYTES, "y_train": BYTES, "x_test": BYTES}, "expected arrays x and y"),
        ({"x": np.zeros((2, 2)), "y": np.zeros(3)}, r"shape \[2, 2\], y has \[3\]"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "not empty"),
        ({"x": np.zeros(4), "y": np.zeros(4)}, r"expected \[samples, ...\]"),
        ({"x": np.zeros((2, 3, 3)), "y": np.zeros(2)}, "images must be uint8"),
        ({"x": np.zeros((2, 3, 5, 5), np.uint8), "y": np.array([0, -1])}, "label -1 at position 1"),
        (
            {"x": np.array([[1, np.nan]]), "y": np.zeros(1)},
            r"x of all\[0, 1\]: nan is not",
        ),
        ({"x": np.array([[1, 1e200]]), "y": np.zeros(1)}, "1e[+]200 is not a finite float32"),
        ({"x": np.zeros((1, 2)), "y": np.array([np.inf])}, r"y of all\[0, 0\]: inf"),
        ({"x": np.array([["a", "b"]]), "y": np.zeros(1)}, "holds <U1; expected numbers"),
        ({"x": np.zeros((2, 2)), "y": np.array(["a", ""])}, r"y of all\[1\]: the label is missing"),
        ({"x": np.zeros((2, 2)), "y": np.array([b"a", b"\xff"])}, r"y of all\[1\]: the label is b"),
        ({"x": np.zeros((1, 2)), "y": np.array([{}])}, "cannot be read as a NumPy archive"),
    ],
)
def test_import_says_what_is_wrong(
    tmp_path: Path, values: dict[str, NDArray[Any]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        import_arrays(tmp_path, **values)
    assert [path.name for path in tmp_path.iterdir()] == ["data.npz"]


@pytest.mark.parametrize("num_bytes", [0, 100, 300])
def test_import_refuses_a_truncated_archive(tmp_path: Path, num_bytes: int) -> None:
    file = tmp_path / "data.npz"
    np.savez(file, x=np.zeros((9, 9)), y=np.zeros(9))
    file.write_bytes(file.read_bytes()[:num_bytes])
    with pytest.raises(DataError, match=r"data\.npz: cannot be read as a NumPy archive"):
        import_dataset(file, tmp_path / "out")


def test_what_is_no_archive_is_never_said_to_be_loaded_unsafely(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n1,2\n")
    with pytest.raises(DataError, match="it is damaged, or none; write one with numpy.savez"):
        import_dataset(tmp_path / "t.csv", tmp_path / "out", kind="npz")


def test_whole_labels_are_needed_for_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\[1\]: label 0.5 is not a whole number"):
        import_arrays(tmp_path, {"target_kind": "class"}, x=np.zeros((2, 1)), y=np.array([0, 0.5]))


@settings(max_examples=30)
@given(
    x=arrays.arrays(
        st.sampled_from([np.uint8, np.float32]),
        arrays.array_shapes(min_dims=2, max_dims=2, max_side=20),
        elements=st.integers(0, 255),
    ),
    as_numbers=st.booleans(),
)
def test_import_then_read_gives_the_same_arrays(
    tmp_path_factory: pytest.TempPathFactory, x: NDArray[Any], as_numbers: bool
) -> None:
    folder = tmp_path_factory.mktemp("npz")
    y = x.astype(np.float32) if as_numbers else np.arange(len(x))
    import_arrays(folder, {"target_kind": "number" if as_numbers else "class"}, x=x, y=y)
    got_x, got_y = read_split(folder / "out", "train")
    np.testing.assert_array_equal(got_x, x.astype(np.float32))
    np.testing.assert_array_equal(got_y, y)
