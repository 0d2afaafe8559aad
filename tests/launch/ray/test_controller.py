import subprocess
import sys

import psutil
import pytest

from distnet.errors import RunError
from distnet.launch.ray.controller import choose_interface, interface_of
from distnet.launch.ray.relay.actor import Relay
from distnet.launch.ray.relay.folders import Folders


def test_interface_of_loopback_is_the_loopback_interface():
    loopback = interface_of("127.0.0.1")

    assert loopback is not None
    assert "127.0.0.1" in [held.address for held in psutil.net_if_addrs()[loopback]]


def test_interface_of_each_address_of_this_machine_holds_it():
    for name, addresses in psutil.net_if_addrs().items():
        for held in addresses:
            if held.family.name == "AF_INET":
                assert interface_of(held.address) == name


def test_interface_of_an_address_of_nobody_here_is_none():
    assert interface_of("203.0.113.7") is None  # a range that documents may use and nobody has


def test_choose_interface_names_it_to_gloo_and_nccl():
    environment: dict[str, str] = {}

    choose_interface("127.0.0.1", environment)

    loopback = interface_of("127.0.0.1")
    assert environment == {
        "GLOO_SOCKET_IFNAME": loopback,
        "NCCL_SOCKET_IFNAME": f"={loopback}",
    }


@pytest.mark.parametrize("name", ["GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"])
def test_choose_interface_keeps_what_the_user_chose(name):
    environment = {name: "ib0"}

    choose_interface("127.0.0.1", environment)

    assert environment[name] == "ib0"


def test_the_relay_reports_that_its_node_does_not_see_the_run_folder(tmp_path):
    relay = Relay(Folders(run=str(tmp_path), attempt=1, mark="a1b2"))

    with pytest.raises(RunError, match="does not see this folder"):
        relay.check()


def test_the_controller_does_not_import_torch():
    """It costs every run 2 s, and 500 MB of memory."""
    code = "import sys, distnet.launch.ray.controller; print('torch' in sys.modules)"

    printed = subprocess.check_output([sys.executable, "-c", code], text=True)

    assert printed.split()[-1] == "False"
