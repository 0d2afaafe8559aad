"""Cluster files: what is read, and every fault with its line and key, all at once."""

from pathlib import Path

import pytest

from distnet.cluster.file.groups import GB
from distnet.cluster.file.providers import Aws, Kubernetes, Ssh
from distnet.cluster.file.read import load_cluster, read_cluster_text
from distnet.cluster.file.sections import SERVER_PORT
from distnet.cluster.file.words import Nodes
from distnet.cluster.host import Host
from distnet.errors import ClusterFileError
from distnet.server.settings import PORT
from tests.cluster.file.texts import ALL, AWS, GCP, KUBERNETES, LOCAL, SSH

SHIPPED = sorted((Path(__file__).parents[3] / "cluster").glob("*.yaml"))


def faults(text: str) -> list[str]:
    with pytest.raises(ClusterFileError) as caught:
        read_cluster_text(text, Path("lab.yaml"))
    return str(caught.value).splitlines()


def test_hosts_have_all_that_ssh_and_ray_need(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(SSH)

    file = load_cluster(path)

    login, gpu1, gpu2 = file.hosts
    assert login == Host("login", "login") == file.head
    key = tmp_path / "keys/lab"
    assert gpu1 == Host("gpu1.lab", "gpu1.lab", "anna", 2222, key, "login", "10.0.0.5")
    assert (gpu2.cpus, gpu2.gpus, gpu2.labels) == (16, 2, {"gpu": "H100"})
    assert gpu2.resources == {"licences": 2.0}


def test_the_head_is_the_first_host_unless_another_is_named() -> None:
    text = SSH.replace("head: login\n", "")
    assert read_cluster_text(text).head.name == "login"
    assert read_cluster_text(f"{text}head: gpu2.lab\n").head.name == "gpu2.lab"


def test_a_key_may_be_in_the_home_folder() -> None:
    file = read_cluster_text(SSH.replace("keys/lab", "~/.ssh/lab"))
    assert file.hosts[1].key == Path.home() / ".ssh/lab"


def test_a_host_may_have_a_name_of_its_own() -> None:
    hosts = "[{host: h, name: a, port: 22}, {host: h, name: b, port: 2222}]"
    text = f"name: lab\nprovider: ssh\nhead: b\nhosts: {hosts}\n"
    file = read_cluster_text(text)
    assert [(host.name, host.hostname) for host in file.hosts] == [("a", "h"), ("b", "h")]
    assert file.head.name == "b"


def test_a_local_cluster_is_this_machine_alone() -> None:
    file = read_cluster_text(f"{LOCAL}cpus: 4\n")
    assert file.hosts == (file.head,)
    assert (file.head.address, file.head.cpus) == ("127.0.0.1", 4)


def test_groups_have_a_number_or_a_range_of_nodes() -> None:
    cluster = read_cluster_text(AWS).cluster
    assert isinstance(cluster, Aws)
    assert cluster.groups["cpu"].nodes == Nodes(0, 8)
    assert cluster.groups["gpu"].nodes == Nodes(2, 2)
    assert cluster.idle == 600
    assert cluster.groups["cpu"].disk == 100 * GB


def test_kubernetes_has_amounts_with_units() -> None:
    cluster = read_cluster_text(KUBERNETES).cluster
    assert isinstance(cluster, Kubernetes)
    assert cluster.groups["gpu"].memory == 64 * 2**30
    assert cluster.namespace == "distnet"


def test_the_port_is_that_of_a_server_without_settings() -> None:
    assert SERVER_PORT == PORT


def test_nothing_but_name_and_provider_is_needed_on_a_laptop() -> None:
    cluster = read_cluster_text(SSH).cluster
    assert isinstance(cluster, Ssh)
    assert cluster.auth == "token"
    assert cluster.folder == "~/.distnet/cluster"
    assert cluster.storage is None


def test_a_cluster_whose_nodes_are_made_has_no_hosts() -> None:
    file = read_cluster_text(AWS, Path("aws.yaml"))
    assert file.hosts == ()
    with pytest.raises(ClusterFileError, match=r"^aws.yaml:2 provider: found aws, expected local"):
        _ = file.head


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_files_are_read(path: Path) -> None:
    assert load_cluster(path).cluster.auth == "token"


def test_all_faults_are_listed_with_line_and_key() -> None:
    text = """\
name: Lab
provider: ssh
hed: login
head: gpu9
hosts:
  - login
  - {host: gpu1, port: 99999, gpus: two}
  - gpu1
  - {host: -oProxyCommand=x, user: "a b"}
auth: none
folder: ~/
ports: {ray: 8270}
"""
    assert faults(text) == [
        "lab.yaml:1 name: found text 'Lab', expected up to 63 lower-case letters, digits and "
        "dashes, as in digits-2",
        "lab.yaml:3 hed: found unknown key `hed`, did you mean `head`?",
        "lab.yaml:4 head: found unknown host `gpu9`, did you mean `gpu1`?; the head is one of "
        "`hosts`",
        "lab.yaml:7 hosts.1.gpus: found text 'two', expected a whole number",
        "lab.yaml:7 hosts.1.port: found 99999, expected a number of at most 65535",
        "lab.yaml:8 hosts.2: found host `gpu1` twice, first as hosts.1; expected each host once",
        "lab.yaml:9 hosts.3.host: found text '-oProxyCommand=x', expected the name or address of "
        "a host, such as gpu1 or 10.0.0.5",
        "lab.yaml:9 hosts.3.user: found text 'a b', expected the name of a user, such as anna",
        "lab.yaml:10 auth: found none, expected token: other machines reach the nodes of provider "
        "ssh",
        "lab.yaml:11 folder: found text '~/', expected a folder that is distnet's alone, such as "
        "~/.distnet/cluster",
        "lab.yaml:12 ports.ray: found 8270, expected another port than that of server.port",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "lab.yaml:1: found no sections, expected at least `name: ...` and `provider: ...`"),
        ("name: lab\n", "lab.yaml:1 provider: found nothing, expected one of: local, ssh, aws, "
         "gcp, kubernetes"),
        ("name: lab\nprovider: shh\n", "lab.yaml:2 provider: found unknown provider `shh`, did "
         "you mean `ssh`?"),
        ("name: lab\nprovider: ssh\n", "lab.yaml:1 hosts: found no `hosts`, which is required"),
        (f"{LOCAL}hosts: [a]\n", "lab.yaml:3 hosts: found a key of provider ssh, expected none "
         "with provider local"),
        (f"{LOCAL}groups: {{}}\n", "lab.yaml:3 groups: found a key of provider aws and gcp and "
         "kubernetes, expected none with provider local"),
        (f"{LOCAL}auth: none\nserver: {{listen: 0.0.0.0}}\n", "lab.yaml:4 server.listen: found "
         "0.0.0.0 with auth: none, expected auth: token: other machines reach it"),
        (f"{SSH}storage: ftp://bucket/x\n", "lab.yaml:12 storage: found text 'ftp://bucket/x', "
         "expected a folder such as /shared, or s3://bucket/folder"),
        (SSH.replace("- login", "- anna@login"), "lab.yaml:5 hosts.0: found text 'anna@login', "
         "expected a name alone; write {host: login, user: anna}"),
        (SSH.replace("- login", "- 5"), "lab.yaml:5 hosts.0: found 5, expected text"),
        (SSH.replace("10.0.0.5", "127.0.0.1"), "lab.yaml:6 hosts.1.address: found 127.0.0.1, "
         "expected one that the other hosts can reach"),
        (SSH.replace("licences", "gpu"), "lab.yaml:11 hosts.2.resources.gpu: found text 'gpu', "
         "expected a name such as licences; cpus and gpus are keys of their own"),
        (AWS.replace("0..8", "8..0"), "lab.yaml:7 groups.cpu.nodes: found text '8..0', expected "
         "the minimum first, as in 0..8"),
        (AWS.replace("nodes: 2", "nodes: 0"), "lab.yaml:8 groups.gpu.nodes: found 0, expected a "
         "maximum between 1 and 10000"),
        (AWS.replace("nodes: 2", "nodes: -1"), "lab.yaml:8 groups.gpu.nodes: found -1, expected a "
         "maximum between 1 and 10000"),
        (AWS.replace("nodes: 2", "nodes: {min: 1}"), "lab.yaml:8 groups.gpu.nodes: found a "
         "section, expected a number of nodes such as 2, or a range such as 0..8"),
        (AWS.replace("  gpu:", "  head:"), "lab.yaml:8 groups.head: found a group named head, "
         "expected another name"),
        (AWS.replace("m7i.4xlarge", "m7i"), "lab.yaml:7 groups.cpu.shape: found text 'm7i', "
         "expected an EC2 instance type such as m7i.4xlarge"),
        (f"{AWS}auth: none\n", "lab.yaml:9 auth: found none, expected token: other machines reach "
         "the nodes of provider aws"),
        (GCP.replace("n2-standard-8", "e2-medium"), "lab.yaml:7 groups.cpu.cpus: found no `cpus`, "
         "expected the CPUs of e2-medium, as its name does not end with them"),
        (GCP.replace("    gpus: 1\n", ""), "lab.yaml:11 groups.gpu.accelerator: found text "
         "'nvidia-tesla-t4', expected `gpus` with it: how many a node"),
        (KUBERNETES.replace("16GB", "much"), "lab.yaml:5 groups.cpu.memory: found text 'much', "
         "expected a size such as 500MB or 24GB"),
        (f"{SSH}install: none\npackages: [timm]\n", "lab.yaml:13 packages: found packages with "
         "install: none, expected no packages: nothing is installed"),
        (f"{AWS}packages: [-r x]\n", "lab.yaml:9 packages.0: found text '-r x', expected a "
         "package such as timm or timm==1.0"),
        (f"{LOCAL}server: {{port: 6379}}\n", "lab.yaml:3 server.port: found 6379, expected "
         "another port than that of ports.ray"),
        (SSH.replace("- login", "- login\n  - GPU2.lab"), "lab.yaml:8 hosts.3: found host "
         "`gpu2.lab` twice, first as hosts.1; expected each host once"),
        (SSH.replace("host: gpu2.lab", "{host: gpu1.lab, name: b, port: 2222, jump: login}\n  - "
         "host: c"), "lab.yaml:7 hosts.2: found host `b` twice, first as hosts.1; expected each "
         "host once"),
        (SSH.replace("jump: login", "jump: gpu1.lab"), "lab.yaml:6 hosts.1.jump: found the way "
         "gpu1.lab -> gpu1.lab, expected one that does not lead back"),
        (f"{LOCAL[:-6]}ssh\nhosts: []\n", "lab.yaml:3 hosts: found none, expected at least one "
         "host"),
        (f"{LOCAL[:-6]}ssh\nhosts: ['*']\n", "lab.yaml:3 hosts.0: found text '*', expected the "
         "name or address of a host, such as gpu1 or 10.0.0.5"),
        (f"{LOCAL[:-6]}SSH\n", "lab.yaml:2 provider: found unknown provider `SSH`, did you mean "
         "`ssh`?"),
        (SSH.replace("user: anna", "identity_file: x"), "lab.yaml:6 hosts.1.identity_file: found "
         "unknown key `identity_file`, did you mean `key`?"),
        (SSH.replace("user: anna", "password: x"), "lab.yaml:6 hosts.1.password: found a secret, "
         "expected none: distnet makes tokens itself, and ssh logs in with keys"),
        (f"{AWS}project: x\n", "lab.yaml:9 project: found a key of provider gcp, expected none "
         "with provider aws"),
        (AWS.replace("spot: true", "disk: 1GB"), "lab.yaml:8 groups.gpu.disk: found text '1GB', "
         "expected at least 10GB, for system, environment and data"),
        (AWS.replace("spot", "spt"), "lab.yaml:8 groups.gpu.spt: found unknown key `spt`, did you "
         "mean `spot`?"),
        (f"{AWS}ray: {{worker_start_ray_commands: [ray start]}}\n", "lab.yaml:9 "
         "ray.worker_start_ray_commands.0: found `ray start` without RAY_AUTH_MODE=token, "
         "expected it before: export RAY_AUTH_MODE=token; ..."),
        (f"{KUBERNETES}ray: {{authOptions: {{mode: disabled}}}}\n", "lab.yaml:7 "
         "ray.authOptions: found text 'disabled', expected mode: token, as other pods reach Ray"),
        (f"{KUBERNETES}ray: {{authOptions: }}\n", "lab.yaml:7 ray.authOptions: found nothing, "
         "expected mode: token, as other pods reach Ray"),
        (KUBERNETES.replace("lab", "4lab"), "lab.yaml:1 name: found text '4lab', expected at most "
         "43 characters, a letter first: names of objects are made of it"),
        (GCP.replace("cloud", "c" * 36), f"lab.yaml:1 name: found text '{'c' * 36}', expected at "
         "most 35 characters, as names of machines have it"),
        (f"{LOCAL}name: twice\n", "lab.yaml:3 name: found the key twice, first in line 1"),
    ],
)  # fmt: skip
def test_a_fault_says_what_was_found_and_expected(text: str, expected: str) -> None:
    assert faults(text) == [expected]


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ClusterFileError, match=r"found no such file, expected a cluster file"):
        load_cluster(tmp_path / "lab.yaml")


@pytest.mark.parametrize("text", ALL.values(), ids=list(ALL))
def test_every_provider_is_read(text: str) -> None:
    file = read_cluster_text(text)
    assert file.cluster.provider in text
    assert file.name == file.cluster.name
