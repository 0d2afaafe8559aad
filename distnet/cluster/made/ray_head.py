"""Whether the head of a cluster of Ray's launcher is there, and was made from the same settings.

`ray up -y` ends a head that was made from others, with its disk, and makes a new one. It compares
hashes of the settings and of the ssh key, with the functions that are called here
(`get_or_create_head_node` in ray/autoscaler/_private/commands.py).
"""

import copy
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from enum import Enum
from typing import Any

from ray.autoscaler._private.commands import _bootstrap_config
from ray.autoscaler._private.providers import _get_node_provider
from ray.autoscaler._private.util import hash_launch_conf
from ray.autoscaler.tags import (
    NODE_KIND_HEAD,
    TAG_RAY_LAUNCH_CONFIG,
    TAG_RAY_NODE_KIND,
    TAG_RAY_USER_NODE_TYPE,
)

from distnet.errors import DistnetError

HEAD = "head"


class Head(Enum):
    """The head that a cloud has of a cluster."""

    NONE = "none"
    SAME = "same"
    """Made from the same settings, with the same ssh key."""
    OTHER = "other"
    """Ray's launcher would end it, and make a new one."""


def head_of(config: Mapping[str, Any]) -> Head:
    """Ask the cloud for the head.

    Args:
        config: what Ray's launcher reads.

    Raises:
        DistnetError: the cloud refuses to say, for example for lack of credentials.
    """
    try:
        with redirect_stdout(sys.stderr):
            return _head_of(config)
    except Exception as error:  # the clients of clouds have trees of errors of their own
        raise DistnetError(
            f"{config['cluster_name']}: the cloud does not say what there is: {error}"
        ) from None


def _head_of(rendered: Mapping[str, Any]) -> Head:
    config = _bootstrap_config(copy.deepcopy(dict(rendered)))
    provider = _get_node_provider(config["provider"], config["cluster_name"])
    heads = provider.non_terminated_nodes({TAG_RAY_NODE_KIND: NODE_KIND_HEAD})
    if not heads:
        return Head.NONE
    settings = config["available_node_types"][HEAD]["node_config"]
    expected = (hash_launch_conf(settings, config["auth"]), HEAD)
    tags = provider.node_tags(heads[0])
    found = (tags.get(TAG_RAY_LAUNCH_CONFIG), tags.get(TAG_RAY_USER_NODE_TYPE))
    return Head.SAME if found == expected else Head.OTHER
