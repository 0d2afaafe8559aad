"""The checks, as pure functions of facts."""

from dataclasses import asdict, replace

import pytest

from distnet.cluster.doctor.facts import (
    Examination,
    Exchange,
    Failed,
    Folder,
    Interface,
    Pair,
    RunningRay,
    Secret,
    Service,
    Share,
    Storage,
    TakenPort,
)
from distnet.cluster.doctor.judge import judge
from tests.cluster.doctor.nodes import (
    CLUSTER,
    GB,
    VERSIONS,
    Level,
    make_links,
    make_node,
    only,
    wrong,
)

ONE, TWO, THREE = (make_node(f"gpu{n}", n) for n in (1, 2, 3))
OPEN_RAY = RunningRay(7, "2.60.0", None, "10.0.0.1:6379", "10.0.0.1", None)


def test_nothing_is_wrong_with_three_nodes_that_are_alike():
    pairs = tuple(Pair(pair, 1e-4, 1e8) for pair in (("gpu1", "gpu2"), ("gpu2", "gpu3")))
    examination = Examination(
        (ONE, TWO, THREE),
        links=make_links(ONE, TWO, THREE),
        services=(Service("gpu2", "Ray", "10.0.0.1:6379", None),),
        exchanges=(Exchange("gloo", ("gpu1", "gpu2", "gpu3"), pairs, 4_000_000, 0.1),),
        storage=Storage("/shared", True, tuple(Share(n.name, is_locked=True) for n in (ONE, TWO))),
    )

    found = judge(examination)

    assert {each.level for each in found} == {Level.OK}
    texts = [each.found for each in found if each.node == CLUSTER]
    assert "clocks agree within 0 us (± 100 us, half a round trip)" in texts
    assert any("slowest link gpu1 <-> gpu2 800 Mbit/s each way" in text for text in texts)
    assert Examination.of(asdict(examination)) == examination


@pytest.mark.parametrize(
    ("changes", "id", "level", "text", "remedy"),
    [
        ({"python": "3.10.2"}, "python", "fault", "found Python 3.10.2", "python3.11"),
        ({"python": None}, "python", "fault", "no Python that starts", "apt-get"),
        ({"versions": VERSIONS | {"ray": None}}, "packages", "fault", "found no ray", "pip"),
        ({"torch_wanted": "2.13.0"}, "torchvision", "fault", "built for torch 2.13.0", "pip"),
        ({"instruction_set": "DEFAULT"}, "cpu", "warning", "DEFAULT", "another machine"),
        ({"cpu_quota": 2.5}, "cores", "warning", "may use 2.5", "`cpus: 2`"),
        ({"wants_gpus": 2}, "gpus", "fault", "found 0 GPUs", "driver"),
        ({"gpus": ("H100",), "driver": "570", "driver_cuda": "12.8", "torch_cuda": None},
         "gpus", "warning", "built for CPUs", "CUDA wheels"),
        ({"gpus": ("H100",), "driver": "470", "driver_cuda": "11.4"},
         "driver", "fault", "driver 470 runs CUDA 11.4", "update"),
        ({"shared_memory_bytes": 64_000_000, "shared_memory_free_bytes": 64_000_000},
         "shared-memory", "fault", "64 MB free", "--shm-size"),
        ({"shared_memory_bytes": None}, "shared-memory", "warning", "no /dev/shm", "tmpfs"),
        ({"memory_free_bytes": GB}, "memory", "warning", "1 GB of 64 GB", "end what uses it"),
        ({"folders": (Folder("runs", "/r", 100 * GB, GB, None, True),)},
         "disk", "warning", "/r (runs) has 1 GB free", "remove"),
        ({"folders": (Folder("runs", "/r", 100 * GB, 50_000, None, True),)},
         "disk", "fault", "50 kB free", "remove"),
        ({"folders": (Folder("runs", "/r", 100 * GB, 50 * GB, None, False),)},
         "disk", "fault", "may not be written", "chown"),
        ({"folders": (Folder("runs", "/r", 100 * GB, 50 * GB, 12, True),)},
         "inodes", "fault", "takes 12 more files", "remove"),
        ({"open_files": (1024, 1024)}, "open-files", "warning", "1,024 files", "limits.conf"),
        ({"has_loopback": False}, "loopback", "fault", "cannot be reached", "ip link set lo up"),
        ({"host_addresses": ()}, "host-name", "warning", "has no address", "/etc/hosts"),
        ({"host_addresses": ("127.0.1.1",)}, "host-name", "note", "is 127.0.1.1", "distnet"),
        ({"address": None}, "interface", "fault", "no network", "address"),
        ({"address": "172.16.0.9"}, "interface", "warning", "no interface holds", "NAT"),
        ({"environment": {"GLOO_SOCKET_IFNAME": "eth9"}},
         "interface", "warning", "GLOO_SOCKET_IFNAME is eth9", "unset"),
        ({"taken_ports": (TakenPort("ports.ray", 6379, "in use"),)},
         "ports", "fault", "cannot listen on port 6379: in use", "`ports.ray`"),
        ({"store": {"address": "s3://lab/x", "error": "Access Denied"}},
         "object-store", "fault", "s3://lab/x cannot be used: Access Denied", "rights"),
        ({"is_clock_synchronised": False}, "clock", "note", "no NTP", "timedatectl"),
        ({"time": 0.0}, "clock", "warning", "years behind", "timedatectl"),
        ({"secrets": (Secret("ray", "/t", 0o644, True, "d1"),)},
         "token-file", "fault", "(mode 0644)", "chmod 600 /t"),
        ({"rays": (replace(OPEN_RAY, version="2.59.0"),)},
         "running-ray", "fault", "Ray 2.59.0 runs", "restart"),
        ({"rays": (OPEN_RAY,)}, "running-ray", "warning", "without a token", "RAY_AUTH_MODE"),
    ],
)  # fmt: skip
def test_fault_of_one_node_is_named_with_its_remedy(changes, id, level, text, remedy):
    finding = only(wrong(make_node(**changes)))

    assert (finding.id, str(finding.level), finding.node) == (id, level, "gpu1")
    assert text in finding.found
    assert remedy in finding.remedy


def test_packages_that_up_will_install_are_no_fault():
    nothing = dict.fromkeys(VERSIONS)
    fresh = {"versions": nothing, "is_node": False, "is_installed_later": True, "rays": ()}

    finding = only(wrong(make_node(**fresh), TWO))

    assert (finding.id, finding.level) == ("packages", Level.NOTE)


@pytest.mark.parametrize(
    ("changes", "id", "level", "text", "remedy"),
    [
        ({"python": "3.12.1"}, "versions", "fault", "Python 3.12", "cluster up"),
        ({"versions": VERSIONS | {"pyarrow": "26.1.0"}},
         "versions", "fault", "pyarrow 26.1.0", "cluster up"),
        ({"distnet_source": "fff"}, "source", "warning", "files is fff", "cluster up"),
        ({"instruction_set": "AVX512"}, "cpu-kind", "warning", "AVX512", "train.bits: portable"),
        ({"address": "10.0.0.1", "interfaces": ONE.interfaces},
         "listed-twice", "fault", "10.0.0.1 of gpu1", "each machine once"),
        ({"secrets": (Secret("ray", "/t", 0o600, True, "d2"),)},
         "token", "fault", "has another token", "cluster up"),
        ({"secrets": ()}, "token", "fault", "gpu3 has no token", "cluster up"),
        ({"rays": (replace(ONE.rays[0], auth_mode="disabled", address="127.0.0.1"),)},
         "auth-mode", "fault", "RAY_AUTH_MODE is disabled", "same mode"),
    ],
)  # fmt: skip
def test_node_that_differs_from_the_others_is_named(changes, id, level, text, remedy):
    finding = only(wrong(ONE, TWO, make_node("gpu3", 3, **changes)))

    assert (finding.id, str(finding.level), finding.node) == (id, level, "gpu3")
    assert text in finding.found
    assert "gpu1" in finding.expected or id in ("listed-twice", "token")
    assert remedy in finding.remedy


def test_unlike_gpus_are_a_warning():
    gpus = {"driver": "570", "driver_cuda": "12.8"}
    nodes = [make_node(f"gpu{n}", n, gpus=(kind,), **gpus) for n, kind in enumerate("AAB")]

    finding = only(wrong(*nodes))

    assert (finding.id, finding.node) == ("gpu-kind", "gpu2")
    assert "bits differ" in finding.remedy


def test_loopback_address_in_a_cluster_is_a_trap():
    trapped = make_node("gpu1", 1, address="127.0.0.1")

    finding = only(wrong(trapped, TWO))

    assert (finding.id, finding.level) == ("same-network", Level.FAULT)
    assert "127.0.0.1, which other nodes take for themselves" in finding.found


def test_host_that_cannot_be_examined_is_a_fault_of_its_own():
    failed = Failed("gpu9", "connect", "Connection refused", "start the host's ssh server")

    finding = only(wrong(ONE, failed=(failed,)))

    assert (finding.node, finding.found) == ("gpu9", "connect: Connection refused")
    assert finding.remedy == "start the host's ssh server"


def test_clocks_that_differ_are_named_with_the_error_of_the_measurement():
    links = make_links(ONE, TWO, THREE, clock_s=-7.5)

    finding = only(wrong(ONE, TWO, THREE, links=links))

    assert (finding.id, finding.node, finding.level) == ("clock-skew", "gpu2", Level.WARNING)
    assert finding.found == "its clock is 7.5 s behind the others (± 100 us, half a round trip)"


def test_link_that_works_one_way_names_both_ends():
    links = make_links(ONE, TWO, THREE, error="silent", latency_s=None, clock_s=None)

    finding = only(wrong(ONE, TWO, THREE, links=links))

    assert (finding.id, finding.node, finding.level) == ("links", "gpu1", Level.FAULT)
    assert finding.found == (
        "gpu1 does not reach gpu2 at 10.0.0.2: nothing comes back; gpu2 does reach gpu1"
    )
    assert "let gpu2 accept all ports from 10.0.0.1" in finding.remedy


def test_node_that_nobody_reaches_is_one_finding():
    links = [
        replace(each, error="unreachable", latency_s=None, clock_s=None)
        if "gpu3" in (each.source, each.target)
        else each
        for each in make_links(ONE, TWO, THREE)
    ]

    finding = only(wrong(ONE, TWO, THREE, links=tuple(links)))

    assert finding.node == "gpu3"
    assert "it reaches no other node (there is no route)" in finding.found
    assert "no other node reaches it" in finding.found


def test_large_messages_that_are_lost_name_the_packets():
    finding = only(wrong(ONE, TWO, links=make_links(ONE, TWO, is_large_lost=True)))

    assert (finding.id, finding.node, finding.level) == ("packet-size", "gpu1", Level.FAULT)
    assert finding.found == (
        "large messages from gpu1 to gpu2 are lost, small ones arrive (packets of up to 1500 bytes)"
    )
    assert "ip link set eth0 mtu 1400" in finding.remedy


def test_distant_nodes_are_a_warning():
    finding = only(wrong(ONE, TWO, links=make_links(ONE, TWO, latency_s=0.08)))

    assert finding.found.endswith("the longest round trip is 80 ms, gpu1 to gpu2")


def test_blocked_port_of_the_head_names_who_is_blocked():
    services = (Service("gpu2", "Ray", "10.0.0.1:6379", "refused"),)

    finding = only(wrong(ONE, TWO, links=make_links(ONE, TWO), services=services))

    assert (finding.id, finding.node) == ("services", "gpu2")
    assert "does not reach Ray at 10.0.0.1:6379: the connection is refused" in finding.found


def test_slowest_link_is_named():
    speeds = {("gpu1", "gpu2"): 1e8, ("gpu2", "gpu3"): 1e8, ("gpu1", "gpu3"): 1e6}
    pairs = tuple(Pair(nodes, 1e-3, speed) for nodes, speed in speeds.items())

    finding = only(wrong(ONE, exchanges=(Exchange("gloo", ("gpu1",), pairs, 1000, 0.2),)))

    assert (finding.id, finding.level) == ("exchange", Level.WARNING)
    assert "slowest link gpu1 <-> gpu3 8 Mbit/s each way, 1 ms round trip" in finding.found
    assert finding.expected == "about 800 Mbit/s, as between the others"


def test_exchange_that_fails_and_one_that_was_not_made_are_named():
    failed = Exchange("NCCL", ("gpu1",), error="unhandled system error")

    found = wrong(ONE, exchanges=(failed,), omitted=("no exchange was made",))

    assert [str(each.level) for each in found] == ["fault", "note"]
    assert found[0].found == "NCCL: unhandled system error"


@pytest.mark.parametrize(
    ("share", "level", "text"),
    [
        (Share("gpu2", error="found no folder /s"), "fault", "found no folder /s"),
        (Share("gpu2", missing=("gpu1",)), "fault", "does not have what gpu1 wrote, after 10 s"),
        (Share("gpu2", seconds=4.0, is_locked=True), "warning", "appear after 4 s"),
        (Share("gpu2", torn=3, is_locked=True), "fault", "missing or mixed, 3 times"),
        (Share("gpu2", is_locked=False), "fault", "a lock of another node is not respected"),
    ],
)
def test_folder_that_is_not_shared_as_it_should_be(share, level, text):
    finding = only(wrong(ONE, TWO, storage=Storage("/s", True, (Share("gpu1"), share))))

    assert (finding.id, str(finding.level), finding.node) == ("storage", level, "gpu2")
    assert text in finding.found


def test_folder_that_nobody_demands_need_not_be_shared():
    shares = (Share("gpu1"), Share("gpu2", error="found no folder /s"))

    assert wrong(ONE, TWO, storage=Storage("/s", False, shares)) == []
    assert wrong(ONE, TWO, storage=Storage(None, True)) == []


def test_interfaces_that_are_not_used_are_listed():
    interfaces = (*ONE.interfaces, Interface("docker0", "172.17.0.1", 1500))

    texts = [each.found for each in judge(Examination((replace(ONE, interfaces=interfaces),)))]

    assert "gloo and NCCL use eth0 (10.0.0.1, packets of 1500 bytes); not used: docker0" in texts
