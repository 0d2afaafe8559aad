"""What belongs to a job's own code: its parts, what they import from beside them, its `files`."""

import os
import socket
from pathlib import Path

import pytest

from distnet.client.code import pack
from distnet.errors import DistnetError, JobFileError, UnknownPartError
from distnet.spec.code import collect
from distnet.spec.code.collect import LARGEST_FILE, own_code
from tests.spec.code.folders import NET, collected, fill, job, names


def test_imports_beside_the_file_are_followed(tmp_path: Path) -> None:
    fill(
        tmp_path,
        {
            "mynet.py": "import layers, os.path\nfrom blocks.attention import Head\n" + NET,
            "layers.py": "def late():\n    import later\n",
            "later.py": "try:\n    import optional\nexcept ImportError: ...\n",
            "blocks/__init__.py": "from . import norm\n",
            "blocks/norm.py": "from ..layers import x\n",
            "blocks/attention.py": "from .deep.inner import y\n",
            "blocks/deep/inner.py": "",
            "blocks/unused.py": "",
            "unused.py": "",
            "runs/own-1/job.yaml": "",
            "photo.jpg": "",
        },
    )

    assert names(tmp_path) == [
        "blocks/__init__.py",
        "blocks/attention.py",
        "blocks/deep/inner.py",
        "blocks/norm.py",
        "later.py",
        "layers.py",
        "mynet.py",
    ]


def test_folders_of_any_name_are_followed(tmp_path: Path) -> None:
    fill(tmp_path, {"mynet.py": "import runs.parts\nimport venv.a\n", "runs/parts.py": ""})

    assert names(tmp_path) == ["mynet.py", "runs/parts.py"]


def test_all_parts_of_a_job_count(tmp_path: Path) -> None:
    text = (
        "network: {kind: ./a.py:A}\ntask: {kind: nets/b.py:B}\n"
        "data: {view: {kind: ./c.py:C}, sampler: {kind: ./d.py:D}}"
    )
    fill(tmp_path, {f"{name}.py": "" for name in ("a", "nets/b", "nets/beside", "c", "d")})
    fill(tmp_path, {"nets/b.py": "import beside, a\n"})

    assert names(tmp_path, text) == ["a.py", "c.py", "d.py", "nets/b.py", "nets/beside.py"]
    assert names(tmp_path, "network: {kind: mlp}") == []


@pytest.mark.parametrize(
    "source",
    [
        "import importlib\nimportlib.import_module('models.a')\n",
        "from importlib import import_module\nimport_module(f'models.{name}_model')\n",
        "import importlib\nimportlib.import_module('models.' + name + '_model')\n",
        "import importlib\nimportlib.import_module('models.{}'.format(name))\n",
        "import importlib\nimportlib.import_module('models.%s' % name)\n",
        "__import__('models.a')\n",
        "from models import *\n",
    ],
)
def test_modules_that_are_imported_by_name_are_found(source: str, tmp_path: Path) -> None:
    fill(
        tmp_path,
        {
            "mynet.py": source,
            "models/__init__.py": "__all__ = ['a']\n",
            "models/a.py": "",
            "other/b.py": "",
        },
    )

    assert names(tmp_path) == ["models/__init__.py", "models/a.py", "mynet.py"]


@pytest.mark.parametrize(
    "source",
    [
        "import pkgutil\nfor m in pkgutil.iter_modules(__path__): ...\n",
        "from importlib import import_module\nimport_module(f'{__name__}.{x}')\n",
        "from importlib import import_module\nimport_module('.' + x, __package__)\n",
    ],
)
def test_a_package_that_finds_its_own_modules_is_taken_whole(source: str, tmp_path: Path) -> None:
    fill(
        tmp_path,
        {
            "mynet.py": "import zoo\n",
            "zoo/__init__.py": source,
            "zoo/ape.py": "import fur\n",
            "zoo/birds/owl.py": "",
            "fur.py": "",
            "plain.py": "",
        },
    )

    assert names(tmp_path) == [
        "fur.py",
        "mynet.py",
        "zoo/__init__.py",
        "zoo/ape.py",
        "zoo/birds/owl.py",
    ]


def test_what_is_installed_is_not_own_code(tmp_path: Path) -> None:
    fill(tmp_path, {"mynet.py": "import numpy, distnet.errors, sys, datasets\n"})
    fill(tmp_path, {"distnet/errors.py": "", "sys.py": "", "numpy/photo.txt": ""})

    assert names(tmp_path) == ["mynet.py"]


def test_a_module_beside_the_file_comes_before_an_installed_one(tmp_path: Path) -> None:
    fill(tmp_path, {"mynet.py": "import json\n", "json.py": "", "queue/a.py": ""})

    assert names(tmp_path) == ["json.py", "mynet.py"]


def test_linked_files_and_folders_are_followed_where_code_imports_them(tmp_path: Path) -> None:
    fill(tmp_path / "shared", {"layers/__init__.py": "from . import norm", "layers/norm.py": "N"})
    folder = fill(tmp_path / "jobs", {"mynet.py": "import layers, one\n"})
    os.symlink(tmp_path / "shared/layers", folder / "layers")
    os.symlink(tmp_path / "shared/layers/norm.py", folder / "one.py")
    os.symlink(folder, folder / "circle")
    code = collected(folder)

    files = {file.name: file.data for file in code.files}
    assert f"one.py ({tmp_path}/shared/layers/norm.py)" in code.linked
    assert len(code.linked) == 3

    assert list(files) == ["layers/__init__.py", "layers/norm.py", "mynet.py", "one.py"]
    assert files["layers/norm.py"] == b"N"


def test_a_part_outside_of_the_folder_counts_with_its_neighbours(tmp_path: Path) -> None:
    fill(tmp_path, {"nets/a.py": "import b, c\n", "nets/b.py": "", "jobs/c.py": ""})
    absolute = tmp_path / "nets/a.py"

    assert names(tmp_path / "jobs", "network: {kind: '../nets/a.py:A'}") == [
        "__up__/nets/a.py",
        "__up__/nets/b.py",
        "c.py",
    ]
    found = names(tmp_path / "jobs", f"network: {{kind: '{absolute}:A'}}")
    assert f"__root__{absolute}" in found
    assert len(found) == 3


def test_files_that_the_job_names_are_taken(tmp_path: Path) -> None:
    fill(
        tmp_path,
        {
            "mynet.py": NET,
            "words.txt": "a",
            "labels.json": "{}",
            "assets/a.bin": "",
            "assets/deep/b.bin": "",
            "assets/.hidden": "",
            "assets/__pycache__/c.pyc": "",
            "relu": "no option names it as a file of its own",
        },
    )
    network = "network: {kind: ./mynet.py:Net, words: words.txt, deep: {of: [./labels.json, 3]}}"

    assert names(tmp_path, network) == ["labels.json", "mynet.py", "words.txt"]
    assert names(tmp_path, f"{network}\nfiles: [assets/]") == [
        "assets/a.bin",
        "assets/deep/b.bin",
        "labels.json",
        "mynet.py",
        "words.txt",
    ]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("absent.txt", "files.0: found no file or folder"),
        ("../other", "files.0: found '../other', expected a path below the folder of the job"),
        ("/etc/passwd", "files.0: found '/etc/passwd', expected a path below"),
        (".", "files.0: found '.', expected a path below"),
        ("pipe", "files.0: found no file or folder"),
        ("big.bin", r"files.0: .*big.bin: found 10.0 MB, expected at most 10.0 MB"),
    ],
)
def test_files_that_cannot_be_taken_are_named(written: str, message: str, tmp_path: Path) -> None:
    fill(tmp_path, {"mynet.py": NET})
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "big.bin").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)

    with pytest.raises(JobFileError, match=message):
        collected(tmp_path, f"network: {{kind: ./mynet.py:Net}}\nfiles: ['{written}']")


def test_what_is_no_file_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, {"mynet.py": "import pipe, zero\n", "assets/a.txt": ""})
    os.mkfifo(tmp_path / "pipe.py")
    os.mkfifo(tmp_path / "assets/pipe")
    os.symlink("/dev/zero", tmp_path / "zero.py")
    os.symlink(tmp_path / "nowhere", tmp_path / "assets/dangling")
    os.symlink(".", tmp_path / "assets/circle")
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("assets/socket")

    text = "network: {kind: ./mynet.py:Net}\nfiles: [assets]"
    assert names(tmp_path, text) == ["assets/a.txt", "mynet.py"]


def test_a_link_that_nobody_named_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    fill(tmp_path, {"secret.txt": "", "shared/words.txt": ""})
    folder = fill(tmp_path / "jobs", {"mynet.py": NET, "assets/a.txt": ""})
    os.symlink(tmp_path / "secret.txt", folder / "assets/b.txt")
    os.symlink(tmp_path / "shared", folder / "shared")
    text = "network: {kind: ./mynet.py:Net}\nfiles: [%s]"

    with pytest.raises(JobFileError, match=r"files.0: found assets/b.txt, a link to .*secret.txt"):
        collected(folder, text % "assets")
    assert names(folder, text % "shared") == ["mynet.py", "shared/words.txt"]
    assert names(folder, "network: {kind: ./mynet.py:Net, w: shared/words.txt}") == ["mynet.py"]
    fill(folder, {".distnetignore": "b.txt\n"})
    assert names(folder, text % "assets") == ["assets/a.txt", "mynet.py"]


def test_ignored_files_are_left_out(tmp_path: Path) -> None:
    fill(
        tmp_path,
        {
            ".distnetignore": "# keys\nsecrets.py\nassets/*\n!assets/keep.txt\n**/cache/\n",
            "mynet.py": "import secrets\nimport layers\n",
            "secrets.py": "KEY = 1",
            "layers.py": "",
            "assets/a.txt": "",
            "assets/keep.txt": "",
            "more/cache/b.txt": "",
            "more/c.txt": "",
        },
    )

    text = "network: {kind: ./mynet.py:Net}\nfiles: [assets, more]"
    assert names(tmp_path, text) == ["assets/keep.txt", "layers.py", "more/c.txt", "mynet.py"]


def test_a_large_file_that_an_option_names_is_left_out_and_named(tmp_path: Path) -> None:
    fill(tmp_path, {"mynet.py": NET})
    with (tmp_path / "weights.bin").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)

    found = collected(tmp_path, "network: {kind: ./mynet.py:Net, weights: weights.bin}")

    assert [file.name for file in found.files] == ["mynet.py"]
    assert found.too_large == ("weights.bin (10.0 MB)",)


def test_too_much_in_all_is_refused_with_the_largest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, {"mynet.py": NET, "assets/a.txt": "a" * 900, "assets/b.txt": "b" * 800})
    text = "network: {kind: ./mynet.py:Net}\nfiles: [assets]"

    with monkeypatch.context() as patch:
        patch.setattr(collect, "LARGEST", 1000)
        with pytest.raises(DistnetError, match=r"the largest are assets/a.txt \(0\.0 MB\)"):
            collected(tmp_path, text)
    monkeypatch.setattr(collect, "MOST_FILES", 2)
    with pytest.raises(DistnetError, match="found more than 2 files that the job names"):
        collected(tmp_path, text)


def test_a_missing_part_is_refused_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(UnknownPartError, match=r"network.kind: found no file .*mynet.py"):
        collected(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    fill(tmp_path, {"mynet.py": NET})
    (tmp_path / "mynet.py").chmod(0)

    with pytest.raises(DistnetError, match="mynet.py"):
        collected(tmp_path)


def test_the_digest_is_of_names_and_contents(tmp_path: Path) -> None:
    files = {"mynet.py": "import a\n", "a.py": "x = 1\n"}
    first, second = fill(tmp_path / "one", files), fill(tmp_path / "two", files)
    os.utime(second / "a.py", (1e9, 1e9))
    (second / "a.py").chmod(0o755)
    fill(second, {"unrelated.py": "", "photo.jpg": ""})

    assert collected(first).sha256 == collected(second).sha256
    fill(second, {"a.py": "x = 2\n"})
    assert collected(first).sha256 != collected(second).sha256
    assert collected(first, "network: {kind: mlp}").sha256 == ""


def test_the_code_of_a_copy_is_the_same(tmp_path: Path) -> None:
    fill(tmp_path, {"nets/a.py": "import b, c\n", "nets/b.py": "", "jobs/c.py": "", "jobs/w": ""})
    text = f"network: {{kind: '../nets/a.py:A'}}\ntask: {{kind: '{tmp_path}/nets/a.py:A'}}"
    file = job(tmp_path / "jobs", f"{text}\nfiles: [w]")
    code = own_code(file)
    code.write(tmp_path / "copy")

    for moved in ("nets", "jobs"):
        (tmp_path / moved).rename(tmp_path / f"{moved}-before")

    assert own_code(job(tmp_path / "copy", f"{text}\nfiles: [w]")) == code


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, {"mynet.py": NET, "assets/a.txt": ""})
    Path(os.fsdecode(os.fsencode(tmp_path / "assets") + b"/\xff.txt")).write_text("")

    with pytest.raises(JobFileError, match=r"files.0: .*assets: found the file name '.udcff.txt'"):
        collected(tmp_path, "network: {kind: ./mynet.py:Net}\nfiles: [assets]")


def test_the_first_line_of_an_ignore_file_with_a_byte_order_mark_counts(tmp_path: Path) -> None:
    fill(tmp_path, {"mynet.py": NET, "assets/key": "", "assets/a": ""})
    (tmp_path / ".distnetignore").write_bytes(b"\xef\xbb\xbfkey\r\n")

    text = "network: {kind: ./mynet.py:Net}\nfiles: [assets]"
    assert names(tmp_path, text) == ["assets/a", "mynet.py"]


@pytest.mark.parametrize("name", ["a:b", "a\\b", "a\nb", "/".join("d" * 40)])
def test_what_could_not_be_unpacked_is_not_uploaded(name: str, tmp_path: Path) -> None:
    fill(tmp_path, {"mynet.py": NET, f"assets/{name}": ""})
    code = collected(tmp_path, "network: {kind: ./mynet.py:Net}\nfiles: [assets]")

    with pytest.raises(DistnetError, match=r"found assets/.* among the job's own files, expected"):
        pack(code)
