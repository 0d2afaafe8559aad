"""The cluster file of each provider."""

from typing import Annotated, Any, Literal

from distnet.cluster.file.groups import (
    GB,
    AwsGroup,
    AwsHead,
    AwsImage,
    GcpGroup,
    GcpHead,
    GcpImage,
    KubernetesGroup,
    KubernetesHead,
)
from distnet.cluster.file.hosts import HostEntry
from distnet.cluster.file.matching import matching, not_empty
from distnet.cluster.file.sections import Cluster, Install, Ports, Server, ServerPort
from distnet.cluster.file.words import (
    Count,
    FolderOrStore,
    HostName,
    Image,
    NfsOrStore,
    OwnFolder,
    Package,
)
from distnet.spec.sections.section import Name, Section
from distnet.spec.sections.units import Bytes, Seconds

UBUNTU = "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64"

Region = Annotated[str, matching(r"[a-z]+(-[a-z]+)+-?[0-9]", "a region such as eu-west-1")]
Zone = Annotated[str, matching(r"[a-z]+(-[a-z]+)+-?[0-9]-?[a-z]", "a zone such as eu-west-1a")]
Project = Annotated[str, matching(r"[a-z][a-z0-9.:-]{4,61}[a-z0-9]", "the id of a project")]
GcpName = Annotated[
    Name, matching(".{1,35}", "at most 35 characters, as names of machines have it")
]
KubernetesName = Annotated[
    Name,
    matching(
        "[a-z].{0,42}", "at most 43 characters, a letter first: names of objects are made of it"
    ),
]
StorageClass = Annotated[str, matching(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", "a storage class")]


class Machines(Cluster):
    """What clusters of machines that exist have."""

    folder: OwnFolder = "~/.distnet/cluster"
    """Where distnet lives on each host: environment, logs and what it needs to run."""
    storage: FolderOrStore | None = None
    """A folder that all nodes see under the same path, for run folders and datasets; or an object
    store such as s3://bucket/folder, for checkpoints. Default: none; both are on the head, and the
    other nodes get copies of what they need."""
    server: Server = Server()
    """The distnet server."""
    ports: Ports = Ports()
    """The ports of Ray."""
    ray: dict[str, Any] = {}
    """More options of `ray start` on every host, such as {object-store-memory: 1000000000}."""


class Local(Machines):
    """A cluster of this machine alone."""

    provider: Literal["local"]
    """Where the nodes come from."""
    cpus: Count | None = None
    """CPU cores that it offers. Default: all."""
    gpus: Count | None = None
    """GPUs that it offers. Default: all."""


class Ssh(Machines):
    """A cluster of hosts that you reach with ssh."""

    provider: Literal["ssh"]
    """Where the nodes come from."""
    hosts: Annotated[tuple[HostEntry, ...], not_empty("host")]
    """The hosts: names of your ssh configuration, or sections. The head is one of them."""
    head: HostName | None = None
    """The host on which Ray's head and the distnet server run. Default: the first of `hosts`."""
    install: Install = "checkout"
    """`checkout`: a wheel built from this checkout. `index`: this version, from the package index.
    `none`: nothing is installed; the hosts have distnet already."""
    packages: tuple[Package, ...] = ()
    """More Python packages for every node, such as timm==1.0."""


class Cloud(Cluster):
    """What clusters of cloud machines have."""

    install: Install = "checkout"
    """`checkout`: a wheel built from this checkout. `index`: this version, from the package index.
    `none`: nothing is installed; the machine image or `image` has distnet already."""
    packages: tuple[Package, ...] = ()
    """More Python packages for every node, such as timm==1.0."""
    image: Image | None = None
    """A Docker image in which Ray and the workers run. Default: none; a virtual environment."""
    user: Name = "ubuntu"
    """The user of the machine image whom Ray logs in as."""
    storage: NfsOrStore | None = None
    """An NFS share that is mounted on all nodes, for run folders and datasets, such as
    nfs://HOST/PATH; or an object store such as s3://bucket/folder, for checkpoints. Default: none;
    both are on the head, and the other nodes get copies of what they need."""
    server: ServerPort = ServerPort()
    """The distnet server."""
    ports: Ports = Ports()
    """The ports of Ray."""
    idle: Seconds = 600.0
    """Nodes that are idle for this long are given back, down to the minimum of their group."""
    ray: dict[str, Any] = {}
    """Keys of Ray's own launcher file. They are put over what distnet writes, key by key."""


class Aws(Cloud):
    """A cluster of EC2 instances, brought up by Ray's own launcher."""

    provider: Literal["aws"]
    """Where the nodes come from."""
    region: Region
    """The AWS region, such as eu-west-1."""
    zones: Annotated[tuple[Zone, ...], not_empty("zone")] | None = None
    """Availability zones to use, in this order. Default: all of the region that Ray finds."""
    machine_image: AwsImage
    """The AMI of all nodes, with Ubuntu 24.04 or another system whose Python is 3.11 or newer."""
    head: AwsHead
    """The node of Ray's head and the distnet server."""
    groups: Annotated[dict[Name, AwsGroup], not_empty("group")]
    """The kinds of nodes that train, by name."""


class Gcp(Cloud):
    """A cluster of Google Compute Engine machines, brought up by Ray's own launcher."""

    name: GcpName
    """Up to 35 lower-case letters, digits and dashes; also the context that `distnet submit`
    uses."""
    provider: Literal["gcp"]
    """Where the nodes come from."""
    project: Project
    """The id of the Google Cloud project."""
    zone: Zone
    """The zone of all nodes, such as europe-west4-a; it contains the region."""
    machine_image: GcpImage = UBUNTU
    """The image of all nodes, with Ubuntu 24.04 or another system whose Python is 3.11 or newer."""
    head: GcpHead
    """The node of Ray's head and the distnet server."""
    groups: Annotated[dict[Name, GcpGroup], not_empty("group")]
    """The kinds of nodes that train, by name."""


class Claim(Section):
    """A volume that all pods share."""

    size: Bytes = 100 * GB
    """Its size."""
    storage_class: StorageClass | None = None
    """A storage class whose volumes several nodes may write (ReadWriteMany). Default: the
    cluster's default class."""


class Kubernetes(Cluster):
    """A Ray cluster in a Kubernetes namespace, made by the KubeRay operator."""

    name: KubernetesName
    """Up to 43 lower-case letters, digits and dashes, a letter first; also the context that
    `distnet submit` uses."""
    provider: Literal["kubernetes"]
    """Where the nodes come from."""
    namespace: Name = "distnet"
    """The namespace of all objects."""
    image: Image
    """The image of all pods, with distnet and its Ray."""
    head: KubernetesHead = KubernetesHead()
    """The pod of Ray's head."""
    groups: Annotated[dict[Name, KubernetesGroup], not_empty("group")]
    """The kinds of pods that train, by name."""
    storage: Claim = Claim()
    """The volume for run folders and datasets, which all pods share."""
    server: ServerPort = ServerPort()
    """The distnet server."""
    idle: Seconds = 600.0
    """Pods that are idle for this long are removed, down to the minimum of their group."""
    ray: dict[str, Any] = {}
    """Keys of the `spec` of KubeRay's RayCluster. They are put over what distnet writes."""


AnyCluster = Local | Ssh | Aws | Gcp | Kubernetes
PROVIDERS: dict[str, type[AnyCluster]] = {
    "local": Local,
    "ssh": Ssh,
    "aws": Aws,
    "gcp": Gcp,
    "kubernetes": Kubernetes,
}
