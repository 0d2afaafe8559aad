"""Ray's autoscaler (version 2), reached through the GCS with plain gRPC.

Ray's own client of the GCS would end this process a minute after the head is gone; a channel of
grpc raises an error. The autoscaler keeps a request until the next one, whatever becomes of who has
made it. It keeps only one: where other programs use Ray Train or Ray Data on the same Ray, these
overwrite it every 20 s, so that it is repeated more often; distnet's own runs request nothing
(`launch/ray/controller.py`). Source: ray/autoscaler/v2/sdk.py, `request_cluster_resources` and
`get_cluster_status`.
"""

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import grpc
from ray._private.grpc_utils import init_grpc_channel
from ray.core.generated import autoscaler_pb2 as messages
from ray.core.generated.autoscaler_pb2_grpc import AutoscalerStateServiceStub
from ray.core.generated.common_pb2 import (
    LabelSelector,
    LabelSelectorConstraint,
    LabelSelectorOperator,
)

from distnet.protocol.errors import UnavailableError
from distnet.server.gateway.node_groups import NodeGroup

CALL_S = 5.0
RECENT_S = 900.0
"""Failures that are older say nothing about the nodes that are being added."""


class RayAutoscaler:
    """The autoscaler of a Ray cluster; close it after use.

    Args:
        gcs: `host:port` of the GCS.
        groups: what it can add.
    """

    def __init__(self, gcs: str, groups: Sequence[NodeGroup]) -> None:
        self._gcs = gcs
        self._groups = {group.name: group for group in groups}
        self._channel = init_grpc_channel(gcs)
        self._service = AutoscalerStateServiceStub(self._channel)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Close the channel."""
        self._channel.close()

    def request(self, nodes: Mapping[str, int]) -> None:
        """Have it keep this many nodes of each group, in use or not.

        Raises:
            UnavailableError: it cannot be reached.
        """
        requests = [
            messages.ResourceRequestByCount(request=_whole_node(self._groups[name]), count=count)
            for name, count in sorted(nodes.items())
            if count and name in self._groups
        ]
        constraint = messages.ClusterResourceConstraint(resource_requests=requests)
        self._call(
            self._service.RequestClusterResourceConstraint,
            messages.RequestClusterResourceConstraintRequest(
                cluster_resource_constraint=constraint
            ),
        )

    def failures(self) -> dict[str, str]:
        """Get why nodes do not come, by group: the newest failure of each that is recent.

        Raises:
            UnavailableError: it cannot be reached.
        """
        reply = self._call(self._service.GetClusterStatus, messages.GetClusterStatusRequest())
        failed = reply.autoscaling_state.failed_instance_requests
        recent = [one for one in failed if time.time() - one.failed_ts < RECENT_S]
        recent.sort(key=lambda one: one.failed_ts)
        return {one.ray_node_type_name: _one_line(one.reason) for one in recent}

    def _call(self, method: Any, message: Any) -> Any:
        try:
            return method(message, timeout=CALL_S)
        except grpc.RpcError as error:
            raise UnavailableError(
                f"cannot reach Ray's autoscaler at {self._gcs}: {_one_line(error.details() or '')}"
            ) from None


def _whole_node(group: NodeGroup) -> Any:
    """A request for a node as a whole, so that two never fit on one."""
    bundle = {"CPU": group.cpus, "GPU": group.gpus}
    constraints = [
        LabelSelectorConstraint(
            label_key=key,
            operator=LabelSelectorOperator.LABEL_OPERATOR_IN,
            label_values=[value],
        )
        for key, value in sorted(group.labels.items())
    ]
    selectors = [LabelSelector(label_constraints=constraints)] if constraints else []
    return messages.ResourceRequest(
        resources_bundle={name: amount for name, amount in bundle.items() if amount},
        label_selectors=selectors,
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
