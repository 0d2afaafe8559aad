"""Own code is imported from one folder only, and is never an older version of it."""

import os
import shutil
import sys
import traceback
from importlib import import_module
from pathlib import Path

import pytest

from distnet.errors import UnknownPartError
from distnet.spec.code.importer import forget
from distnet.spec.code.load import load_own_class
from tests.spec.code.folders import collected, fill, names


def value(folder: Path, kind: str = "./mynet.py:Net") -> object:
    cls = load_own_class(kind, folder=folder)
    return cls().value()


NET = "{imports}\nclass Net:\n    def value(self):\n{body}\n        return {result}\n"


def net(imports: str, result: str, body: str = "") -> str:
    return NET.format(imports=imports, result=result, body=body)


@pytest.mark.parametrize(
    "source",
    [
        net("import layers", "layers.X"),
        net("import pack.inner", "pack.inner.X"),
        net("import pack.inner as inner", "inner.X"),
        net("from pack import inner", "inner.X"),
        net("from pack import *", "inner.X"),
        net("from pack.relative import X", "X"),
        net("from .layers import X", "X"),
        net("from . import layers", "layers.X"),
        net("", "layers.X", "        import layers"),
        net("", "X", "        from pack.relative import X"),
        net("import importlib", "importlib.import_module('layers').X"),
        net("from importlib import import_module", "import_module('pack.' + 'inner').X"),
        net("from importlib import import_module", "import_module('.inner', 'pack').X"),
        net("import importlib.util", "__import__('layers').X"),
        net("from plain import late", "late()"),
    ],
)
def test_two_folders_with_modules_of_the_same_name_are_kept_apart(
    source: str, tmp_path: Path
) -> None:
    folders = []
    for number in (1, 2):
        files = {
            "mynet.py": source,
            "layers.py": f"X = {number}\n",
            "pack/__init__.py": "__all__ = ['inner']\n",
            "pack/inner.py": f"X = {number}\n",
            "pack/relative.py": "from ..layers import X\nfrom . import inner\n",
            "plain.py": "def late():\n    import layers\n    return layers.X\n",
        }
        folders.append(fill(tmp_path / str(number), files))
    before = set(sys.modules)

    first, second = (load_own_class("./mynet.py:Net", folder=folder) for folder in folders)

    assert (first().value(), second().value(), first().value()) == (1, 2, 1)
    assert not {"layers", "pack", "plain", "mynet"} & (set(sys.modules) - before)
    assert not list(tmp_path.rglob("__pycache__"))


def test_what_a_file_imports_is_read_anew_when_it_has_changed(tmp_path: Path) -> None:
    fill(tmp_path, {"mynet.py": net("from layers import X", "X"), "layers.py": "X = 1\n"})
    assert value(tmp_path) == 1

    fill(tmp_path, {"layers.py": "X = 2\n"})  # of the same length, in the same second

    assert value(tmp_path) == 2


def test_a_module_that_was_missing_is_found_when_it_is_there(tmp_path: Path) -> None:
    fill(tmp_path, {"mynet.py": net("from layers import X", "X")})
    with pytest.raises(UnknownPartError, match="No module named 'layers'"):
        value(tmp_path)

    fill(tmp_path, {"layers.py": "X = 2\n"})

    assert value(tmp_path) == 2


def test_parts_in_several_files_share_what_they_import(tmp_path: Path) -> None:
    fill(tmp_path, {"a.py": "import base\nclass A(base.Base): ...\n"})
    fill(tmp_path, {"b.py": "import base\nclass B(base.Base): ...\n"})
    fill(tmp_path, {"base.py": "class Base: ...\n"})

    a, b = (load_own_class(kind, folder=tmp_path) for kind in ("./a.py:A", "./b.py:B"))

    assert a.__base__ is b.__base__


def test_a_file_in_a_package_may_import_relatively(tmp_path: Path) -> None:
    fill(tmp_path, {"pack/__init__.py": "", "pack/net.py": net("from .layers import X", "X")})
    fill(tmp_path, {"pack/layers.py": "from ..base import X\n", "base.py": "X = 3\n"})

    assert value(tmp_path, "./pack/net.py:Net") == 3
    fill(tmp_path, {"pack/__init__.py": net("from .layers import X", "X")})
    assert value(tmp_path, "./pack/__init__.py:Net") == 3


def test_a_job_in_the_folder_of_distnet_uses_the_distnet_that_runs(tmp_path: Path) -> None:
    fill(tmp_path, {"mynet.py": net("import distnet.errors as e", "e.DistnetError")})
    fill(tmp_path, {"distnet/__init__.py": "", "distnet/errors.py": "DistnetError = None\n"})

    assert value(tmp_path) is sys.modules["distnet.errors"].DistnetError


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"mynet.py": "import layers\n", "layers.py": "\n1 / 0\n"}, "layers.py:2 raised ZeroDiv"),
        ({"mynet.py": "import layers\n", "layers.py": "\n(\n"}, "layers.py:2 is not valid Python"),
        (
            {"mynet.py": "import pack.b\n", "pack/a.py": ""},
            "No module named 'pack.b'; install it, or have it installed for the job (`packages",
        ),
        (
            {"mynet.py": "from pathlib import Path\nPath(__file__).with_name('w.txt').open()\n"},
            "mynet.py:2 raised FileNotFoundError when imported: [Errno 2] No such file or "
            "directory: 'w.txt'; a file that your code reads",
        ),
    ],
)
def test_errors_name_the_users_own_file(
    files: dict[str, str], message: str, tmp_path: Path
) -> None:
    fill(tmp_path, files)

    with pytest.raises(UnknownPartError) as caught:
        value(tmp_path)

    assert message in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert "distnet_own" not in str(caught.value)


def test_a_traceback_shows_the_lines_that_were_executed(tmp_path: Path) -> None:
    fill(tmp_path, {"nets/mynet.py": net("", "1 / 0  # as it was")})
    cls = load_own_class("./nets/mynet.py:Net", folder=tmp_path)
    fill(tmp_path, {"nets/mynet.py": "\n" * 50})

    with pytest.raises(ZeroDivisionError) as caught:
        cls().value()

    text = "".join(traceback.format_exception(caught.value))
    assert 'File "nets/mynet.py", line 5, in value' in text
    assert "1 / 0  # as it was" in text


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mynet.py")
    with pytest.raises(UnknownPartError, match="found no file"):
        value(tmp_path)


def test_parts_of_one_file_are_of_one_module(tmp_path: Path) -> None:
    fill(tmp_path, {"own.py": "STATE = []\nclass Net: ...\nclass Task:\n    net = Net\n"})

    net, task = (load_own_class(kind, folder=tmp_path) for kind in ("./own.py:Net", "own.py:Task"))

    assert task.net is net  # type: ignore[attr-defined]


def test_modules_begin_with_their_first_state_again(tmp_path: Path) -> None:
    count = "import state\nclass Net:\n    def value(self): return next(state.COUNT)\n"
    fill(tmp_path, {"mynet.py": count, "state.py": "import itertools\nCOUNT = itertools.count()\n"})
    assert [value(tmp_path), value(tmp_path)] == [0, 1]

    forget()

    assert value(tmp_path) == 0


LAYOUTS = ("./src/proj/models/net.py:Net", "../proj/models/net.py:Net", "./proj/models/net.py:Net")


@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize(
    "source",
    [
        net("from proj.layers import X", "X"),
        net("from ..layers import X", "X"),
        net("import proj.layers as a\nfrom .. import layers as b", "a.X * (a is b)"),
        net("from proj import SEEN", "SEEN + ['me']", "        import proj.layers"),
        net("import types, logging", "len(logging.__file__) > 0 and types.X"),
    ],
)
def test_a_file_of_a_package_finds_the_package(source: str, kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "jobs"
    package = os.path.dirname(os.path.dirname(kind))
    fill(folder, {f"{package}/__init__.py": "SEEN = ['all']\n"})
    fill(folder, {f"{package}/models/__init__.py": "from .. import SEEN\n"})
    fill(folder, {f"{package}/models/net.py": source, f"{package}/layers.py": "X = 3\n"})
    fill(folder, {f"{package}/models/logging.py": "1 / 0\n", "types.py": "X = 3\n"})
    text = f"network: {{kind: '{kind}'}}"
    expected = ["all", "me"] if "SEEN" in source else 3
    assert value(folder, kind) == expected

    collected(folder, text).write(tmp_path / "copy")

    for each in (folder, tmp_path / "proj"):
        shutil.rmtree(each, ignore_errors=True)
    assert value(tmp_path / "copy", kind) == expected


def test_a_file_beside_one_in_a_package_is_found_if_nothing_else_has_its_name(
    tmp_path: Path,
) -> None:
    fill(tmp_path, {"pack/__init__.py": "", "pack/beside.py": "X = 4\n"})
    fill(tmp_path, {"pack/net.py": net("import beside", "beside.X")})

    assert value(tmp_path, "./pack/net.py:Net") == 4
    assert "pack/beside.py" in names(tmp_path, "network: {kind: './pack/net.py:Net'}")


@pytest.mark.parametrize(
    "source",
    [
        net("from importlib import resources", "resources.files('pack').joinpath('w').read_text()"),
        net("from importlib.resources import files", "files('pack').joinpath('w').read_text()"),
        net("import importlib.resources as r, pack", "r.files(pack).joinpath('w').read_text()"),
        net(
            "import importlib.resources",
            "importlib.resources.files('pack').joinpath('w').read_text()",
        ),
        net("import pkgutil", "pkgutil.get_data('pack', 'w').decode()"),
        net("import importlib.util", "importlib.util.find_spec('pack') and 'hi'"),
        net("import builtins\nbuiltins.hi_of_distnet_tests = 'hi'", "hi_of_distnet_tests"),
    ],
)
def test_what_takes_the_name_of_a_module_finds_own_ones(source: str, tmp_path: Path) -> None:
    fill(tmp_path, {"mynet.py": source, "pack/__init__.py": "", "pack/w": "hi"})

    assert value(tmp_path) == "hi"
    if "pack" in source:
        assert names(tmp_path) == ["mynet.py", "pack/__init__.py"]


def test_modules_found_through_sys_path_are_those_of_their_folder(tmp_path: Path) -> None:
    path = "import sys, os\nsys.path.insert(0, os.path.dirname(__file__) + '/lib')\n"
    source = net(f"{path}import helper_of_tests", "helper_of_tests.X")
    folders = [
        fill(tmp_path / str(x), {"mynet.py": source, "lib/helper_of_tests.py": f"X = {x}\n"})
        for x in (1, 2)
    ]
    before = list(sys.path)

    for number, folder in enumerate(folders, start=1):
        assert value(folder) == number
        forget()

    assert sys.path == before
    assert "helper_of_tests" not in sys.modules


def test_an_environment_in_the_folder_of_the_job_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library there may add to `sys.path` too, as Ray does, whenever it is imported."""
    packages = tmp_path / ".venv" / "lib" / "site-packages"
    adds = "import sys\nsys.path.insert(0, __file__.replace('library_of_tests.py', 'parts'))\n"
    fill(
        packages,
        {"library_of_tests.py": adds, "parts/part_of_tests.py": "", "late_of_tests.py": ""},
    )
    fill(tmp_path, {"tools/tool_of_tests.py": "", "mynet.py": net("import library_of_tests", "1")})
    monkeypatch.syspath_prepend(packages)
    monkeypatch.syspath_prepend(tmp_path / "tools")
    before = list(sys.path)

    value(tmp_path)
    for name in ("part_of_tests", "late_of_tests", "tool_of_tests"):
        import_module(name)
    forget()

    assert sys.path == [str(packages / "parts"), *before]
    assert {"library_of_tests", "part_of_tests", "late_of_tests", "tool_of_tests"} <= {*sys.modules}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("./mynet.py", "found `./mynet.py` without a class, expected `./mynet.py:Net`"),
        ("./mynet.py:make", "found `make` in mynet.py, which is an object of the class function"),
        ("./mynet.py:Nat", "found unknown class `Nat`, did you mean `Net`? in mynet.py"),
        ("./odd.py:Net", "odd.py:2 raised Stop when imported: no"),
    ],
)
def test_what_is_no_class_is_named(kind: str, message: str, tmp_path: Path) -> None:
    fill(tmp_path, {"mynet.py": "class Net: ...\ndef make(): ...\n"})
    fill(tmp_path, {"odd.py": "class Stop(BaseException): ...\nraise Stop('no')\n"})

    with pytest.raises(UnknownPartError) as caught:
        load_own_class(kind, folder=tmp_path)

    assert message in str(caught.value)
