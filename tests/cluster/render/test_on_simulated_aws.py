"""Ray's own AWS provider makes the head and the groups of a rendered file, in a simulated EC2."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from ray.autoscaler._private.aws.config import bootstrap_aws
from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
from ray.autoscaler._private.util import hash_launch_conf, prepare_config
from ray.autoscaler.tags import (
    NODE_KIND_HEAD,
    TAG_RAY_LAUNCH_CONFIG,
    TAG_RAY_NODE_KIND,
    TAG_RAY_USER_NODE_TYPE,
)

from distnet.cluster.made.ray_head import Head, head_of
from tests.cluster.file.texts import AWS
from tests.cluster.render.rendering import documents

pytestmark = pytest.mark.check
REGION = "eu-west-1"
PROFILE = "ray: {available_node_types: {head: {node_config: {IamInstanceProfile: {Name: head}}}}}\n"


@pytest.fixture
def ec2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An account without anything but an instance profile for the head."""
    (tmp_path / ".ssh").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))  # Ray saves the private key there
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "simulated")
    with mock_aws():
        boto3.client("iam").create_instance_profile(InstanceProfileName="head")
        yield boto3.client("ec2", region_name=REGION)


def instances(ec2: Any) -> dict[str, dict[str, Any]]:
    reservations = ec2.describe_instances()["Reservations"]
    found = [instance for reservation in reservations for instance in reservation["Instances"]]
    return {instance["InstanceType"]: instance for instance in found}


def test_ray_launches_every_kind_of_node(ec2: Any) -> None:
    (rendered,) = documents(AWS + PROFILE)
    config = bootstrap_aws(prepare_config(rendered))
    config = AWSNodeProvider.fillout_available_node_types_resources(config)
    provider = AWSNodeProvider(config["provider"], config["cluster_name"])

    for name, kind in config["available_node_types"].items():
        provider.create_node(kind["node_config"], {TAG_RAY_USER_NODE_TYPE: name}, 1)

    found = instances(ec2)
    assert found.keys() == {"m7i.large", "m7i.4xlarge", "g5.xlarge"}
    assert found["m7i.large"]["IamInstanceProfile"]["Arn"].endswith("instance-profile/head")
    assert found["g5.xlarge"]["InstanceLifecycle"] == "spot"
    for instance in found.values():
        assert instance["MetadataOptions"]["HttpTokens"] == "required"
    types = config["available_node_types"]
    assert (types["cpu"]["resources"]["CPU"], types["gpu"]["resources"]["GPU"]) == (16, 1)
    assert types["head"]["resources"] == {"CPU": 0}


def test_the_nodes_are_reached_from_outside_with_ssh_alone(ec2: Any) -> None:
    (rendered,) = documents(AWS + PROFILE)
    config = bootstrap_aws(prepare_config(rendered))

    (group,) = config["available_node_types"]["head"]["node_config"]["SecurityGroupIds"]

    (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    outside = [rule for rule in found["IpPermissions"] if rule["IpRanges"]]
    assert [(rule["FromPort"], rule["ToPort"]) for rule in outside] == [(22, 22)]


def test_a_head_of_other_settings_is_known_as_such(
    ec2: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray's launcher would end it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # Ray keeps there what it has found
    (rendered,) = documents(AWS + PROFILE)
    assert head_of(rendered) is Head.NONE

    config = bootstrap_aws(prepare_config(rendered))
    settings = config["available_node_types"]["head"]["node_config"]
    tags = {
        TAG_RAY_NODE_KIND: NODE_KIND_HEAD,
        TAG_RAY_USER_NODE_TYPE: "head",
        TAG_RAY_LAUNCH_CONFIG: hash_launch_conf(settings, config["auth"]),
    }
    provider = AWSNodeProvider(config["provider"], config["cluster_name"])
    provider.create_node(settings, tags, 1)

    (again,) = documents(AWS + PROFILE + "idle: 20m\n")
    (larger,) = documents(AWS.replace("{shape: m7i.large}", "{shape: m7i.xlarge}") + PROFILE)
    assert head_of(rendered) is Head.SAME
    assert head_of(again) is Head.SAME
    assert head_of(larger) is Head.OTHER

    other = tmp_path / "other"
    (other / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(other))
    monkeypatch.setattr(tempfile, "tempdir", str(other))
    assert head_of(rendered) is Head.OTHER  # another machine has another ssh key
