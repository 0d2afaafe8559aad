"""Free ports are not those that the system gives to others meanwhile."""

import errno
import os
import socket
from pathlib import Path

import pytest

from distnet.launch import ports
from distnet.launch.ports import free_port

HERE = "127.0.0.1"


def test_ports_are_free_below_those_of_the_system_and_given_once() -> None:
    found = [free_port(HERE) for _ in range(50)]

    assert len(set(found)) == 50
    assert all(20_000 <= port < 32_768 for port in found)
    for port in found:
        socket.create_server((HERE, port)).close()


@pytest.mark.parametrize("taken", [HERE, "127.0.0.9", ""], ids=["same", "other", "all"])
def test_a_port_in_use_at_any_address_is_passed_over(
    taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Ray head listens at all addresses, whatever its own one is."""
    first, second = sorted(free_port(HERE) for _ in range(2))
    monkeypatch.setattr(ports, "LOWEST", first)
    monkeypatch.setattr(ports, "_end", lambda: second + 1)
    monkeypatch.setattr(ports, "_given", set(range(first + 1, second)))

    with socket.create_server((taken, first)):
        assert free_port(HERE) == second
        with pytest.raises(OSError, match=f"no port of {first} to {second} is free"):
            free_port(HERE)


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EADDRNOTAVAIL)):
        free_port("192.0.2.1")


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("25000\t60999\n", 25_000),
        ("32768 60999", 32_768),
        ("49152 65535", 49_152),
        ("1024 65535", 32_768),
        ("", 32_768),
        (None, 32_768),
    ],
)
def test_the_range_of_the_system_is_left_out(
    text: str | None, end: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that leaves no thousand ports is not left out: such a system has no others."""
    if text is not None:
        (tmp_path / "range").write_text(text)
    monkeypatch.setattr(ports, "RANGE", tmp_path / "range")
    monkeypatch.setattr(ports, "LOWEST", end - 100)
    monkeypatch.setattr(ports, "FEWEST", 100)

    found = [free_port(HERE) for _ in range(10)]

    assert all(end - 100 <= port < end for port in found)
