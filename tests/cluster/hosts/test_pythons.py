"""Which Python of a host is used, and what is said when none fits."""

import sys

import pytest

from distnet.cluster.errors import HostError
from distnet.cluster.host import Host
from distnet.cluster.hosts.pythons import Python, choose, find_pythons, usable
from distnet.cluster.ssh.this_machine import ThisMachine

SHELL = ThisMachine(Host("gpu1", "gpu1"))
OLD = Python("/usr/bin/python3", (3, 9, 2), has_distnet=False, has_venv=True)
BARE = Python("/usr/bin/python3.12", (3, 12, 3), has_distnet=False, has_venv=False)
FULL = Python("/opt/conda/bin/python3", (3, 12, 1), has_distnet=False, has_venv=True)
OWN = Python("/srv/env/bin/python3", (3, 11, 7), has_distnet=True, has_venv=True)


def chosen(*pythons: Python, **wanted: object) -> Python:
    known = {"needs_distnet": False, "minor": None, "head": "login"}
    return choose(SHELL, list(pythons), **(known | wanted))


def test_pythons_of_a_machine_are_found_with_the_one_like_ours_first(monkeypatch):
    monkeypatch.setenv("PATH", f"{sys.prefix}/bin:/usr/bin:/bin")

    found = find_pythons(SHELL)

    assert found[0].minor == sys.version_info[:2]
    assert any(python.has_distnet for python in found)
    assert usable(SHELL, found).minor >= (3, 11)


def test_python_with_venv_is_preferred_and_that_with_distnet_where_nothing_is_installed():
    assert chosen(BARE, FULL) == FULL
    assert chosen(BARE) == BARE  # the installation then says what is missing
    assert chosen(FULL, OWN, needs_distnet=True) == OWN
    assert chosen(FULL, OWN, minor=(3, 11)) == OWN


@pytest.mark.parametrize(
    ("pythons", "wanted", "kind", "text"),
    [
        ((), {}, "no-python", "found no Python 3, expected Python 3.11 or newer"),
        ((OLD,), {}, "wrong-python", "found Python 3.9.2 (/usr/bin/python3), expected"),
        ((FULL,), {"minor": (3, 11)}, "wrong-python", "expected Python 3.11 as on login"),
        ((FULL,), {"needs_distnet": True}, "no-distnet", "install: checkout"),
    ],
)
def test_host_without_a_fitting_python_is_named(pythons, wanted, kind, text):
    with pytest.raises(HostError) as raised:
        chosen(*pythons, **wanted)

    assert raised.value.kind == kind
    assert text in str(raised.value)
    assert str(raised.value).startswith("gpu1: python: ")
