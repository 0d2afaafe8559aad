"""Ray's launcher file for AWS and Google Cloud: Ray accepts it, and no node is open."""

import os
import re
import stat
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from ray.autoscaler._private.util import prepare_config, validate_config

from distnet.errors import ClusterFileError
from tests.cluster.file.texts import AWS, GCP
from tests.cluster.render.rendering import documents, rendered

ROOT = Path(__file__).parents[3]
TOKEN = "~/.ray/auth_token"
COMMANDS = (
    *("initialization_commands", "setup_commands", "head_setup_commands"),
    *("worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands"),
)
SHARE = "storage: nfs://fs-1.efs.eu-west-1.amazonaws.com/\n"

both = pytest.mark.parametrize("text", [AWS, GCP], ids=["aws", "gcp"])


def config(text: str) -> dict[str, Any]:
    (only,) = documents(text)
    return only


def commands(text: str) -> list[str]:
    found = config(text)
    return [command for key in COMMANDS for command in found[key]]


@both
@pytest.mark.parametrize("more", ["", SHARE, "image: registry.example/distnet:0.1.0\n"])
def test_ray_accepts_the_file(text: str, more: str) -> None:
    validate_config(prepare_config(config(text + more)))


@pytest.mark.parametrize("name", ["aws", "gcp"])
def test_ray_accepts_the_shipped_files(name: str) -> None:
    text = (ROOT / "cluster" / f"{name}.yaml").read_text()
    validate_config(prepare_config(config(text)))


@pytest.mark.parametrize("name", ["aws", "gcp"])
def test_what_the_shipped_files_have_as_comments_is_accepted_too(name: str) -> None:
    text = (ROOT / "cluster" / f"{name}.yaml").read_text()
    _, _, optional = text.partition("groups:")
    uncommented = re.sub(r"^( *)# (?=( *)[\w-]+:( |$))", r"\1", optional, flags=re.MULTILINE)
    uncommented = uncommented.replace("NAME-OF-THE-FAMILY", "a-family")

    found = config(text.replace(optional, uncommented))

    assert set(found["available_node_types"]) == {"head", "cpu", "gpu"}
    head = found["available_node_types"]["head"]["node_config"]
    assert "IamInstanceProfile" in head or "serviceAccounts" in head
    assert "/mnt/distnet/runs" in found["head_start_ray_commands"][-1]


@both
def test_every_ray_process_wants_the_token(text: str) -> None:
    found = config(text)
    assert found["file_mounts"][TOKEN] == "/build/token"
    assert f"chmod 600 {TOKEN}" in found["setup_commands"]
    for key in ("head_start_ray_commands", "worker_start_ray_commands"):
        for command in found[key]:
            assert command.startswith("export RAY_AUTH_MODE=token ")


@both
def test_only_the_head_itself_reaches_the_dashboard(text: str) -> None:
    (start,) = [c for c in config(text)["head_start_ray_commands"] if "ray start" in c]
    assert "--dashboard-host=127.0.0.1" in start


@both
def test_groups_are_node_types_and_the_head_runs_no_workers(text: str) -> None:
    found = config(f"{text}idle: 15m\n")
    types = found["available_node_types"]
    assert found["head_node_type"] == "head"
    assert (types["head"]["max_workers"], types["head"]["resources"]) == (0, {"CPU": 0})
    assert (types["cpu"]["min_workers"], types["cpu"]["max_workers"]) == (0, 8)
    assert (found["max_workers"], found["idle_timeout_minutes"]) == (10, 15)


def test_aws_has_what_an_instance_needs() -> None:
    types = config(AWS)["available_node_types"]
    cpu, gpu = types["cpu"]["node_config"], types["gpu"]["node_config"]
    assert (cpu["InstanceType"], cpu["ImageId"]) == ("m7i.4xlarge", "ami-0123456789abcdef0")
    assert cpu["MetadataOptions"]["HttpTokens"] == "required"
    assert "InstanceMarketOptions" not in cpu
    assert gpu["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert types["gpu"]["labels"] == {"gpu": "A10G", "distnet.io/group": "gpu"}


def test_gcp_has_what_a_machine_needs() -> None:
    found = config(GCP)
    gpu = found["available_node_types"]["gpu"]
    assert found["provider"]["region"] == "europe-west4"
    assert gpu["resources"] == {"CPU": 8, "GPU": 1}
    (attached,) = gpu["node_config"]["guestAccelerators"]
    assert attached["acceleratorType"].endswith("europe-west4-a/acceleratorTypes/nvidia-tesla-t4")
    assert gpu["node_config"]["scheduling"] == {"onHostMaintenance": "TERMINATE"}


def test_the_same_distnet_gets_onto_every_node() -> None:
    found = config(f"{AWS}packages: ['timm>=1.0']\n")
    (wheel,) = [path for path in found["file_mounts"] if path.endswith(".whl")]
    assert found["file_mounts"][wheel] == f"/build/{Path(wheel).name}"
    (install,) = [c for c in found["setup_commands"] if f"pip install --quiet {wheel} " in c]
    assert f" ray=={version('ray')} " in install
    assert f" torch=={version('torch').partition('+')[0]} " in install
    assert any("'timm>=1.0'" in command for command in found["setup_commands"])


def test_the_released_version_needs_no_wheel() -> None:
    found = config(f"{AWS}install: index\n")
    assert list(found["file_mounts"]) == [TOKEN]
    assert any(" install --quiet distnet==" in command for command in found["setup_commands"])


def test_nothing_is_installed_where_the_image_has_it() -> None:
    found = config(f"{AWS}install: none\nimage: registry.example/distnet:0.1.0\n")
    assert found["docker"]["image"] == "registry.example/distnet:0.1.0"
    assert not any("pip install" in command for command in found["setup_commands"])


def test_a_share_is_mounted_on_every_node_and_in_its_container() -> None:
    found = config(f"{AWS}{SHARE}image: registry.example/distnet:0.1.0\n")
    assert any("fs-1.efs.eu-west-1.amazonaws.com:/ " in c for c in found["initialization_commands"])
    assert "--volume /mnt/distnet:/mnt/distnet" in found["docker"]["run_options"]
    assert "--runs /mnt/distnet/runs" in found["head_start_ray_commands"][-1]


def test_an_object_store_is_for_checkpoints_and_is_not_mounted() -> None:
    found = config(f"{AWS}storage: s3://bucket/lab\nimage: registry.example/distnet:0.1.0\n")
    assert found["initialization_commands"] == []
    assert (
        "--runs ~/.distnet/runs --checkpoints s3://bucket/lab"
        in (found["head_start_ray_commands"][-1])
    )
    assert not any("--volume" in option for option in found["docker"]["run_options"])


@both
def test_raw_keys_of_ray_come_last_and_keep_what_is_beside_them(text: str) -> None:
    found = config(
        f"{text}ray:\n  idle_timeout_minutes: 1\n"
        "  available_node_types: {cpu: {node_config: {Extra: [a, b]}}}\n"
    )
    assert found["idle_timeout_minutes"] == 1
    cpu = found["available_node_types"]["cpu"]
    assert cpu["node_config"]["Extra"] == ["a", "b"]
    assert (cpu["max_workers"], len(cpu["node_config"])) == (
        8,
        len(config(text)["available_node_types"]["cpu"]["node_config"]) + 1,
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("{max_wrkers: 3}", r"^cluster.yaml:9 ray: Ray refuses it: .*'max_wrkers'"),
        ("\n  idle_timeout_minutes: soon\n", r"^cluster.yaml:10 ray.idle_timeout_minutes: Ray "
         r"refuses it: 'soon' is not of type 'number'"),
        ("{max_workers: 1}", r"^cluster.yaml:9 ray: Ray refuses the result: .*`max_workers` is "
         r"smaller than the sum of `min_workers`"),
        ("{docker: {image: x, container_name: ''}}", r"^cluster.yaml:9 ray: Ray refuses the "
         r"result: Must provide a container"),
        ("{available_node_types: 3}", r"^cluster.yaml:9 ray(.available_node_types)?: Ray refuses"),
        ("{provider: {type: gpc}}", r"^cluster.yaml:9 ray: Ray refuses the result: "),
    ],
)  # fmt: skip
def test_what_ray_refuses_is_named_by_its_key(raw: str, expected: str) -> None:
    with pytest.raises(ClusterFileError, match=expected):
        rendered(f"{AWS}ray: {raw}\n")


@both
@pytest.mark.parametrize("install", ["checkout", "index", "none"])
def test_all_commands_are_those_of_a_shell(text: str, install: str) -> None:
    found = commands(f"{text}{SHARE}install: {install}\n")
    assert len(found) > 8
    script = "".join(f"({command}\n)\n" for command in found)
    subprocess.run(["bash", "-n", "-c", script], check=True)


def test_setup_can_be_repeated(tmp_path: Path) -> None:
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text("secret\n")
    setup = config(f"{AWS}install: none\n")["setup_commands"]

    for command in (*setup, *setup):
        subprocess.run(
            ["bash", "-c", command], env={**os.environ, "HOME": str(tmp_path)}, check=True
        )

    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert (tmp_path / ".profile").read_text().count("RAY_AUTH_MODE=token") == 1
