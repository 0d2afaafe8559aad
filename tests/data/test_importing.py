import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from distnet.data.importing import import_dataset
from distnet.data.manifest import read_manifest
from distnet.errors import DataError, UnknownPartError
from tests.data.raw_files import image_folder, read_split, small_idx


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_same_input_gives_the_same_manifest(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw", {"a": 30, "b": 30})
    first = import_dataset(tmp_path / "raw", tmp_path / "one")
    second = import_dataset(tmp_path / "raw", tmp_path / "two")
    assert first.splits == second.splits
    assert first.sha256 == second.sha256
    assert read_manifest(tmp_path / "one") == first


def test_samples_stay_on_their_side_when_others_are_added(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    sides = []
    for num in (150, 200):
        np.savez(tmp_path / f"{num}.npz", x=rows[:num], y=np.arange(num) % 2)
        import_dataset(tmp_path / f"{num}.npz", tmp_path / str(num))
        sides.append({row.tobytes() for row in read_split(tmp_path / str(num), "test")[0]})
    assert 10 < len(sides[0]) < 60
    assert sides[0] < sides[1]


def test_copies_of_a_sample_never_end_up_on_both_sides(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32).repeat(4, axis=0)
    np.savez(tmp_path / "raw.npz", x=rows, y=np.zeros(200, int))
    import_dataset(tmp_path / "raw.npz", tmp_path / "out")
    train, test = (read_split(tmp_path / "out", split)[0] for split in ("train", "test"))
    assert not {row.tobytes() for row in train} & {row.tobytes() for row in test}


def test_statistics_are_of_the_training_samples(tmp_path: Path) -> None:
    manifest = import_dataset(small_idx(tmp_path / "raw"), tmp_path / "out")
    x, _ = read_split(tmp_path / "out", "train")
    assert manifest.x.mean == pytest.approx([(x / 255).mean()], rel=1e-12)
    assert manifest.x.std == pytest.approx([(x / 255).std()], rel=1e-12)


def test_progress_counts_the_samples(tmp_path: Path) -> None:
    reported: list[tuple[int, int | None]] = []
    import_dataset(
        small_idx(tmp_path / "raw"),
        tmp_path / "out",
        on_progress=lambda done, total: reported.append((done, total)),
    )
    assert reported == [(12, 17), (17, 17)]


def test_folders_above_are_made_and_taken_away_again(tmp_path: Path) -> None:
    raw = small_idx(tmp_path / "raw")
    import_dataset(raw, tmp_path / "a" / "b" / "out")
    assert names_in(tmp_path / "a" / "b") == ["out"]
    np.savez(tmp_path / "one.npz", x=np.zeros((1, 2)), y=np.zeros(1))
    with pytest.raises(DataError, match=r"too few samples for a train split \(1 in all\)"):
        import_dataset(tmp_path / "one.npz", tmp_path / "c" / "d" / "out")
    assert names_in(tmp_path) == ["a", "one.npz", "raw"]


def test_empty_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    import_dataset(small_idx(tmp_path / "raw"), tmp_path / "out")
    assert "manifest.json" in names_in(tmp_path / "out")


def test_dataset_is_replaced_only_by_force(tmp_path: Path) -> None:
    raw = small_idx(tmp_path / "raw")
    import_dataset(raw, tmp_path / "out")
    with pytest.raises(DataError, match="a dataset exists already; replace it with --force"):
        import_dataset(raw, tmp_path / "out")
    manifest = import_dataset(raw, tmp_path / "out", licence="mine", force=True)
    assert read_manifest(tmp_path / "out") == manifest
    assert names_in(tmp_path) == ["out", "raw"]


def test_old_dataset_stays_when_the_new_one_fails(tmp_path: Path) -> None:
    raw = small_idx(tmp_path / "raw")
    manifest = import_dataset(raw, tmp_path / "out")
    with pytest.raises(DataError):
        import_dataset(raw, tmp_path / "out", force=True, options={"classes": ("a",)})
    assert read_manifest(tmp_path / "out") == manifest


@pytest.mark.parametrize("force", [True, False])
def test_anything_else_is_never_replaced(tmp_path: Path, force: bool) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "diary.txt").write_text("dear")
    with pytest.raises(DataError, match="exists and is not a dataset"):
        import_dataset(small_idx(tmp_path / "raw"), tmp_path / "out", force=force)
    assert names_in(tmp_path / "out") == ["diary.txt"]


def test_interrupted_import_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    raw = small_idx(tmp_path / "raw")
    with pytest.raises(KeyboardInterrupt):
        import_dataset(raw, tmp_path / "a" / "out", on_progress=interrupt)
    assert names_in(tmp_path) == ["raw"]


FULL_DISK = """
import resource, sys
from pathlib import Path
from distnet.data.importing import import_dataset
from distnet.errors import DataError
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    import_dataset(Path(sys.argv[1]), Path(sys.argv[2]))
except DataError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs a limit on the size of files")
def test_disk_that_fills_up_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "raw.npz", x=random.normal(size=(9000, 30)), y=np.zeros(9000, int))
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "raw.npz", tmp_path / "out"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (
        "out: cannot be written: File too large; no partial dataset was left behind" in ran.stdout
    )
    assert ran.stderr == ""
    assert names_in(tmp_path) == ["raw.npz"]


def test_error_of_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    raw = small_idx(tmp_path / "raw")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file/out: cannot be written: Not a directory"):
        import_dataset(raw, tmp_path / "file" / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission_is_reported(tmp_path: Path) -> None:
    raw = small_idx(tmp_path / "raw")
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(DataError, match=r"locked/out: cannot be written: Permission denied"):
        import_dataset(raw, tmp_path / "locked" / "out")


def test_source_that_is_not_there_is_reported(tmp_path: Path) -> None:
    for kind in (None, "csv", "image-folder"):
        with pytest.raises(DataError, match="nowhere: found no such file or folder"):
            import_dataset(tmp_path / "nowhere", tmp_path / "out", kind=kind)


def test_source_of_no_kind_is_reported(tmp_path: Path) -> None:
    (tmp_path / "notes.doc").write_text("hello")
    (tmp_path / "photos.tar.gz").write_bytes(b"x")
    with pytest.raises(DataError, match=r"any of babi, csv, idx, image-folder, .*, text.*--kind"):
        import_dataset(tmp_path / "notes.doc", tmp_path / "out")
    with pytest.raises(DataError, match="unpack the archive"):
        import_dataset(tmp_path / "photos.tar.gz", tmp_path / "out")


def test_kind_can_be_forced(tmp_path: Path) -> None:
    (tmp_path / "table.txt").write_text("a,y\n1,u\n2,v\n")
    manifest = import_dataset(tmp_path / "table.txt", tmp_path / "out", kind="csv", test_fraction=0)
    assert manifest.source == "csv: table.txt"
    with pytest.raises(UnknownPartError, match="unknown kind of source 'cvs'.*did you mean csv"):
        import_dataset(tmp_path / "table.txt", tmp_path / "out2", kind="cvs")


@pytest.mark.parametrize("kind", ["csv", "idx", "image-folder", "npz", "parquet", "text"])
@pytest.mark.parametrize("is_folder", [True, False])
def test_wrong_kind_is_reported(tmp_path: Path, kind: str, is_folder: bool) -> None:
    raw = tmp_path / "raw"
    if is_folder:
        raw.mkdir()
    else:
        raw.write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match="raw"):
        import_dataset(raw, tmp_path / "out", kind=kind)
    assert names_in(tmp_path) == ["raw"]


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_test_fraction_must_be_a_part(tmp_path: Path, fraction: float) -> None:
    with pytest.raises(DataError, match="--test-fraction"):
        import_dataset(small_idx(tmp_path / "raw"), tmp_path / "out", test_fraction=fraction)


def test_what_a_killed_import_has_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw", {"a": 10, "b": 10})
    dead, alive, other = (tmp_path / f".{name}" for name in ("out.0123abcd", "out.4567cdef", "out"))
    for folder in (dead, alive, other):
        folder.mkdir()
        (folder / "train-00000.parquet").write_bytes(b"half")
    handle = os.open(alive, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)  # as an import that still runs has it
    try:
        import_dataset(tmp_path / "raw", tmp_path / "out")
    finally:
        os.close(handle)
    assert {path.name for path in tmp_path.iterdir()} == {"raw", "out", alive.name, other.name}


def test_paths_need_not_be_unicode(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / os.fsdecode(b"caf\xe9"), {"a": 10, "b": 10})
    raw.joinpath("a", "0.png").rename(raw / "a" / os.fsdecode(b"\xe9.png"))
    (raw / os.fsdecode(b"\xe8.txt")).write_text("no image")
    out = tmp_path / os.fsdecode(b"out\xe9")
    manifest = import_dataset(raw, out)

    assert (manifest.name, manifest.source) == ("out\\udce9", "image-folder: caf\\udce9")
    assert read_manifest(out) == manifest


@pytest.mark.check
def test_names_of_classes_are_those_on_the_disk_in_any_terminal(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw", {"caf\u00e9": 6, "\u65e5\u672c": 6})
    code = (
        "import sys\nfrom pathlib import Path\nfrom distnet.data.importing import import_dataset\n"
    )
    code += "import_dataset(Path('raw'), Path('out'), test_fraction=0)"
    env = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, check=True)
    assert read_manifest(tmp_path / "out").y.classes == ("caf\u00e9", "\u65e5\u672c")


def test_a_source_that_is_not_there_names_the_file_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / "houses.csv").write_text("a,b\n1,2\n")

    with pytest.raises(DataError, match=r"expected data to import; did you mean .*/houses.csv\?"):
        import_dataset(tmp_path / "house.csv", tmp_path / "out")
