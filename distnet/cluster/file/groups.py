"""The groups of a cluster file: kinds of nodes that a cloud or Kubernetes makes and removes."""

from typing import Annotated

from distnet.cluster.file.matching import at_least, matching
from distnet.cluster.file.words import Count, Image, Label, NumNodes, Resource
from distnet.spec.sections.section import PositiveFloat, PositiveInt, Section
from distnet.spec.sections.units import Bytes

GB = 10**9


AwsShape = Annotated[
    str, matching(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "an EC2 instance type such as m7i.4xlarge")
]
AwsImage = Annotated[
    str,
    matching(r"ami-([0-9a-f]{8}|[0-9a-f]{17})", "an AMI of the region: ami- and 17 hex digits"),
]
GcpShape = Annotated[
    str, matching(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", "a machine type such as n2-standard-8")
]
GcpImage = Annotated[
    str,
    matching(
        r"projects/[a-z][a-z0-9.:-]*/global/images/(family/)?[a-z][a-z0-9-]*",
        "an image such as projects/PROJECT/global/images/family/FAMILY",
    ),
]
Accelerator = Annotated[
    str, matching(r"[a-z][a-z0-9-]*", "a kind of accelerator such as nvidia-tesla-t4")
]
Disk = Annotated[Bytes, at_least(10 * GB, "10GB, for system, environment and data")]


class Group(Section):
    """A kind of node."""

    nodes: NumNodes
    """How many: a number, or MIN..MAX, between which Ray's autoscaler follows the jobs."""
    labels: dict[Label, Label] = {}
    """Labels of the nodes, such as {gpu: H100}."""
    resources: dict[Resource, PositiveFloat] = {}
    """Custom resources of each node, such as {licences: 2}."""


class AwsHead(Section):
    """The node of Ray's head and the distnet server. It runs no workers."""

    shape: AwsShape
    """Its EC2 instance type."""
    machine_image: AwsImage | None = None
    """Instead of the cluster's `machine_image`."""
    disk: Disk = 100 * GB
    """The size of its disk, which holds ledger and run folders."""


class AwsGroup(Group):
    """Nodes of one EC2 instance type. Ray knows their CPUs, memory and GPUs by the type."""

    shape: AwsShape
    """The EC2 instance type."""
    machine_image: AwsImage | None = None
    """Instead of the cluster's `machine_image`: a group with GPUs needs one with their driver."""
    spot: bool = False
    """Use spot instances: cheaper, but AWS may take them back at any time."""
    disk: Disk = 100 * GB
    """The size of each node's disk."""


class GcpHead(Section):
    """The node of Ray's head and the distnet server. It runs no workers."""

    shape: GcpShape
    """Its machine type."""
    machine_image: GcpImage | None = None
    """Instead of the cluster's `machine_image`."""
    disk: Disk = 100 * GB
    """The size of its disk, which holds ledger and run folders."""


class GcpGroup(Group):
    """Nodes of one machine type of Google Compute Engine."""

    shape: GcpShape
    """The machine type."""
    cpus: PositiveInt | None = None
    """CPUs of a node. Default: the number with which the shape ends, as in n2-standard-8."""
    gpus: Count = 0
    """GPUs of a node."""
    accelerator: Accelerator | None = None
    """The kind of GPU to attach to shapes that have none built in, such as nvidia-tesla-t4."""
    machine_image: GcpImage | None = None
    """Instead of the cluster's `machine_image`: a group with GPUs needs one with their driver."""
    spot: bool = False
    """Use spot machines: cheaper, but Google may take them back at any time."""
    disk: Disk = 100 * GB
    """The size of each node's disk."""


class KubernetesHead(Section):
    """The pod of Ray's head. It runs no workers."""

    cpus: PositiveInt = 2
    """CPUs that it requests."""
    memory: Bytes = 8 * GB
    """Memory that it requests, and may use at most."""


class KubernetesGroup(Group):
    """Pods of one kind; each is a node of the Ray cluster."""

    cpus: PositiveInt
    """CPUs that a pod requests."""
    memory: Bytes
    """Memory that a pod requests, and may use at most."""
    gpus: Count = 0
    """GPUs that a pod requests."""
    gpu_resource: Annotated[
        str, matching(r"[a-z0-9.-]+/[a-z0-9.-]+", "a resource such as nvidia.com/gpu")
    ] = "nvidia.com/gpu"
    """What the cluster's device plugin calls a GPU."""
    image: Image | None = None
    """Instead of the cluster's `image`: a group with GPUs needs one with CUDA."""
    selector: dict[Label, Label] = {}
    """Labels of the Kubernetes nodes on which the pods may run."""
