"""The JSON schema of cluster files, for editors: every key with its description and default."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from distnet.cluster.file.providers import AnyCluster
from distnet.spec.schema import DIALECT


def cluster_schema() -> dict[str, Any]:
    """Build the schema; which keys there are depends on `provider`."""
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[AnyCluster, Field(discriminator="provider")])
    return {"$schema": DIALECT, "title": "distnet cluster file", **adapter.json_schema()}
