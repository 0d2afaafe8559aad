"""What is AWS's own in Ray's launcher file."""

from typing import Any

from distnet.cluster.file.groups import AwsGroup, AwsHead
from distnet.cluster.file.providers import Aws
from distnet.cluster.render.group_labels import group_labels

CLIENT = ("boto3", "'boto3>=1.26'")
GIB = 2**30


def provider(cluster: Aws) -> dict[str, Any]:
    """The section `provider`. Nodes are ended, not stopped: a stopped node's disk costs money."""
    section = {"type": "aws", "region": cluster.region, "cache_stopped_nodes": False}
    return section | ({"availability_zone": ",".join(cluster.zones)} if cluster.zones else {})


def node_types(cluster: Aws) -> dict[str, Any]:
    """The head and the groups. Ray finds CPUs, memory and GPUs by the instance type."""
    head = {
        "resources": {"CPU": 0},
        "min_workers": 0,
        "max_workers": 0,
        "node_config": _instance(cluster, cluster.head),
    }
    return {"head": head} | {name: _group(cluster, name) for name in cluster.groups}


def _group(cluster: Aws, name: str) -> dict[str, Any]:
    group = cluster.groups[name]
    spot = {"InstanceMarketOptions": {"MarketType": "spot"}} if group.spot else {}
    return {
        "resources": dict(group.resources),
        "labels": group_labels(name, group),
        "min_workers": group.nodes.min,
        "max_workers": group.nodes.max,
        "node_config": _instance(cluster, group) | spot,
    }


def _instance(cluster: Aws, node: AwsHead | AwsGroup) -> dict[str, Any]:
    disk = {
        "VolumeSize": -(-node.disk // GIB),
        "VolumeType": "gp3",
        "Encrypted": True,
        "DeleteOnTermination": True,
    }
    return {
        "InstanceType": node.shape,
        "ImageId": node.machine_image or cluster.machine_image,
        "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": disk}],
        # Version 2 of the metadata service, which a request forged through a job does not reach.
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
    }
