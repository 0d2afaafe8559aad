"""The nodes of the cluster as Ray on the head has them."""

import json
import urllib.request
from pathlib import Path

from distnet.cluster.hosts.on_host.messages import Failure, Given, reply

TIMEOUT_S = 20.0
PATH = "/api/v0/nodes?limit=10000&detail=1"


def members(given: Given) -> list[dict[str, object]]:
    """List them.

    Args:
        given: `folder` of the cluster on this host, the head.
    """
    folder = Path(given["folder"]).expanduser()
    try:
        node = json.loads((folder / "node.json").read_bytes())
        token = (folder / "token").read_text().strip()
        request = urllib.request.Request(
            f"http://127.0.0.1:{node['dashboard_port']}{PATH}",
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=TIMEOUT_S) as response:
            rows = json.load(response)["data"]["result"]["result"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        found = f"Ray on the head does not list its nodes: {error}"
        raise Failure("ray", found, "see: distnet cluster status FILE") from None
    return [_member(row) for row in rows]


def _member(row: dict[str, object]) -> dict[str, object]:
    resources = row.get("resources_total")
    totals = resources if isinstance(resources, dict) else {}
    return {
        "id": row.get("node_id"),
        "address": row.get("node_ip"),
        "state": str(row.get("state", "")).lower(),
        "is_head": bool(row.get("is_head_node")),
        "cpus": totals.get("CPU", 0),
        "gpus": totals.get("GPU", 0),
        "labels": row.get("labels") or {},
        "why": row.get("state_message"),
    }


if __name__ == "__main__":
    reply(members)
