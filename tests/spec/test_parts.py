import subprocess
import sys
from pathlib import Path

import pytest

import distnet
from distnet.errors import UnknownPartError
from distnet.spec.options import described
from distnet.spec.parts import Package, kinds, load_part
from distnet.spec.reading.faults import FaultsError
from distnet.spec.sections.section import Part

PACKAGES: tuple[Package, ...] = ("networks", "tasks", "data/views", "data/samplers")
DISTNET = Path(distnet.__file__).parent
REQUIRED = {"deep-q": {"environment": "CartPole-v1"}}
"""Options without a default; all others have one."""

OWN = '''\
from __future__ import annotations

import near


class Net:
    """One layer.

    Args:
        width: how wide.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_outputs: int,
        *,
        width: int | str = near.WIDTH,
        rate: float = 0.5,
        copy: list[int] = [],
    ) -> None:
        self.width = width


class Needs:
    def __init__(self, shape, *, depth: int):
        self.depth = depth


class Anything:
    def __init__(self, shape, **options):
        self.options = options


class ByPlace:
    def __init__(self, shape, outputs, width=3):
        self.width = width


class Unreadable:
    def __init__(self, *, width: Nowhere):
        self.width = width
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mynet.py").write_text(OWN)
    (tmp_path / "near.py").write_text("WIDTH = 8\n")
    return tmp_path


def load(kind: str, folder: Path, **options: object) -> tuple[type, dict[str, object]]:
    return load_part("networks", Part.model_validate({"kind": kind, **options}), folder=folder)


def faults(kind: str, folder: Path, **options: object) -> list[tuple[str, str]]:
    with pytest.raises(FaultsError) as caught:
        load(kind, folder, **options)
    return [(".".join(map(str, fault.key)), fault.message) for fault in caught.value.faults]


def test_kinds_are_the_files_in_the_folders_of_a_package() -> None:
    assert {"mlp", "cnn", "crnn-frames"} <= set(kinds("networks"))
    assert {"classify", "deep-q"} <= set(kinds("tasks"))
    assert kinds("data/samplers") == ["balanced", "identities", "uniform"]
    assert not {"layers", "-mel", "mel", "images"} & set(kinds("networks"))
    assert not {"task", "per-sample", "checked", "game"} & set(kinds("tasks"))


@pytest.mark.parametrize("package", PACKAGES)
def test_no_two_folders_have_the_same_kind(package: Package) -> None:
    stems = [file.stem for file in DISTNET.glob(f"{package}/*/*.py") if file.stem[0] != "_"]

    assert sorted(stem.replace("_", "-") for stem in stems) == kinds(package)


@pytest.mark.parametrize(
    ("package", "interface"),
    [
        ("networks", {"layers"}),
        ("tasks", {"baseline", "task", "per_sample", "checked", "returned", "confused", "groups"}),
        ("data/views", {"view", "checked"}),
        ("data/samplers", {"sampler", "checked"}),
    ],
)
def test_only_what_all_kinds_share_lies_beside_the_folders(
    package: Package, interface: set[str]
) -> None:
    assert {file.stem for file in DISTNET.glob(f"{package}/*.py")} == {"__init__", *interface}


@pytest.mark.parametrize(
    ("package", "kind"), [(package, kind) for package in PACKAGES for kind in kinds(package)]
)
def test_every_shipped_kind_loads(package: Package, kind: str) -> None:
    required = REQUIRED.get(kind, {})
    cls, options = load_part(package, Part(kind=kind, **required), folder=Path())

    assert isinstance(cls, type)
    assert options == required


def test_finding_kinds_and_reading_a_job_does_not_import_torch() -> None:
    code = (
        "import sys; from distnet.spec.parts import kinds; from distnet.spec.read import *;"
        "kinds('networks'); read_job_text('name: a\\nnetwork: {kind: mlp}');"
        "sys.exit(bool({'torch', 'ray', 'pyarrow', 'matplotlib'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_options_given_are_returned_as_the_constructor_takes_them() -> None:
    cls, options = load("mlp", Path(), hidden=(16, 8), dropout=0)

    assert cls.__name__ == "MLP"
    assert options == {"hidden": (16, 8), "dropout": 0.0}
    assert isinstance(options["dropout"], float)


def test_all_faults_of_the_options_are_found() -> None:
    found = faults(
        "mlp", Path(), hidden=(16, 1.5), dropout="much", activation="rel", hiden=3, num_outputs=3
    )

    assert set(found) == {
        ("hidden.1", "found 1.5, expected a whole number"),
        ("dropout", "found text 'much', expected a number"),
        (
            "activation",
            "found text 'rel', expected 'relu', 'gelu', 'silu', 'tanh', 'sigmoid', "
            "'leaky-relu' or 'step'",
        ),
        ("hiden", "found unknown key `hiden`, did you mean `hidden`?"),
        (
            "num_outputs",
            "found `num_outputs`, which MLP takes by position; expected an option, "
            "which comes after `*` in its constructor",
        ),
    }


def test_an_inherited_constructor_brings_the_descriptions_of_its_options(folder: Path) -> None:
    (folder / "known.py").write_text(
        "from mynet import Net\nclass Known(Net):\n    'Of another.'\n"
    )
    own = described(load("./known.py:Known", folder, width=3)[0])
    shipped = described(load("lstm", folder)[0])

    assert own == {"width": "how wide."}
    assert shipped["hidden"] == "the neurons of a layer in each direction."


@pytest.mark.parametrize("value", [True, 1.5, "3", (1,), None])
def test_a_whole_number_is_nothing_else(value: object) -> None:
    ((key, message),) = faults("mlp", Path(), hidden=(value,))

    assert key == "hidden.0"
    assert message.endswith("expected a whole number")


def test_an_own_class_is_loaded_with_its_neighbours(folder: Path) -> None:
    cls, options = load("./mynet.py:Net", folder, width="wide", rate=1, copy=(1, 2))

    assert cls.__name__ == "Net"
    assert options == {"width": "wide", "rate": 1.0, "copy": [1, 2]}
    assert cls((1,), 2).width == 8
    assert str(folder) not in sys.path


def test_an_own_class_loads_again_in_another_process(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from distnet.spec.sections.section import Part;"
        "from distnet.spec.parts import load_part;"
        "cls, _ = load_part('networks', Part(kind='./mynet.py:Net'), folder=Path(sys.argv[1]));"
        "print(cls((1,), 2).width)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "8"


def test_an_own_file_is_read_anew_each_time(folder: Path) -> None:
    load("./mynet.py:Net", folder)
    (folder / "mynet.py").write_text("class Net:\n    def __init__(self, *, depth: int): ...\n")

    _, options = load("./mynet.py:Net", folder, depth=3)

    assert options == {"depth": 3}


def test_an_own_file_does_not_hide_an_installed_module(folder: Path) -> None:
    (folder / "json.py").write_text("class Net: ...\n")

    cls, _ = load("./json.py:Net", folder)

    assert sys.modules["json"].__file__ != str(folder / "json.py")
    assert cls.__name__ == "Net"


def test_options_of_an_own_class_are_checked(folder: Path) -> None:
    assert faults("./mynet.py:Net", folder, width=(1,), copy=("a",)) == [
        ("width", "found a list of 1, expected a whole number or text"),
        ("copy.0", "found text 'a', expected a whole number"),
    ]
    assert faults("./mynet.py:Needs", folder) == [("depth", "found no `depth`, which is required")]
    assert faults("./mynet.py:ByPlace", folder, width=3)[0][0] == "width"


def test_a_constructor_that_takes_anything_gets_everything(folder: Path) -> None:
    assert load("./mynet.py:Anything", folder, a=1, b=(2,))[1] == {"a": 1, "b": [2]}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("mpl", "found unknown network `mpl`, did you mean `mlp`?"),
        ("quantum", "expected one of: atari-cnn, cnn, "),
        ("network", "found unknown network"),
        ("_layers", "found unknown network"),
        ("./mynet.py:Nett", "found unknown class `Nett`, did you mean `Net`?"),
        (
            "./mynet.py:near",
            "found `near` in mynet.py, which is an object of the class module; expected a class",
        ),
        ("./mynet.py", "expected `./mynet.py:Net`, `./mynet.py:Needs`"),
        ("./nowhere.py:Net", "found no file"),
        ("./mynet.py:Unreadable", "name 'Nowhere' is not defined"),
        ("./mynet:Net", "expected the form ./file.py:Class"),
    ],
)
def test_a_part_that_is_not_there_is_reported(kind: str, message: str, folder: Path) -> None:
    with pytest.raises(UnknownPartError) as caught:
        load(kind, folder)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\ny = 1 / 0\n", "broken.py:2 raised ZeroDivisionError when imported"),
        ("x = 1\ndef f(:\n", "broken.py:2 is not valid Python"),
        ("import sys\nsys.exit(3)\n", "broken.py:2 raised SystemExit"),
        ("import no_such_module\n", "broken.py:1 raised ModuleNotFoundError"),
        ("x = '\0'\n", "broken.py:1"),
    ],
)
def test_a_file_that_cannot_be_imported_is_reported_with_its_line(
    source: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text(source)

    with pytest.raises(UnknownPartError) as caught:
        load("./broken.py:Net", tmp_path)

    assert message in str(caught.value)
