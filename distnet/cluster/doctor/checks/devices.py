"""CPUs and GPUs."""

from collections.abc import Iterator

from distnet.cluster.doctor.facts import Node
from distnet.cluster.doctor.finding import Finding, fault, note, ok, warning
from distnet.cluster.doctor.registry import on_node
from distnet.cluster.doctor.units import listed
from distnet.spec.plural import counted


@on_node
def cpu(node: Node) -> Iterator[Finding]:
    """Which kernels torch chooses; slow without AVX2."""
    what = f"{node.num_cpus} CPU cores, {node.cpu}, {node.instruction_set}"
    if node.machine == "x86_64" and node.instruction_set == "DEFAULT":
        yield warning(what, "AVX2 or AVX-512", "take another machine: this one trains slowly")
    else:
        yield ok(what)


@on_node
def cores(node: Node) -> Iterator[Finding]:
    """Ray offers no more cores than the container may use."""
    if node.cpu_quota is None or node.cpu_quota >= node.num_cpus:
        yield ok(f"{counted(node.num_cpus, 'core')} may be used")
        return
    whole = max(1, int(node.cpu_quota))
    yield warning(
        f"found {node.num_cpus} cores, of which this container may use {node.cpu_quota:g}",
        "as many workers as cores that may be used",
        f"offer {whole}: `cpus: {whole}` of the host in the cluster file, or raise the limit",
    )


@on_node
def gpus(node: Node) -> Iterator[Finding]:
    """The GPUs are those of the cluster file, and torch can use them."""
    wanted = node.wants_gpus or 0
    if len(node.gpus) < wanted:
        remedy = "install the GPU's driver, or change `gpus` in the cluster file"
        yield fault(f"found {len(node.gpus)} GPUs", f"{wanted}, as in the cluster file", remedy)
    elif not node.gpus:
        yield ok("no GPU: workers compute on the CPU")
    elif node.driver is not None and node.versions.get("torch") and node.torch_cuda is None:
        yield warning(
            f"found {listed(node.gpus)}, and a torch that was built for CPUs",
            "a torch that was built for CUDA",
            "pip install --upgrade torch torchvision, from an index with CUDA wheels",
        )
    else:
        yield ok(listed(node.gpus))


@on_node
def driver(node: Node) -> Iterator[Finding]:
    """The driver runs the CUDA of torch: of its main version, any."""
    if node.driver is None or node.torch_cuda is None:
        return
    what = f"driver {node.driver} runs CUDA {node.driver_cuda or 'of an unknown version'}"
    if node.driver_cuda is None:
        yield note(f"{what}, torch needs {node.torch_cuda}", "", "look: nvidia-smi")
    elif _main(node.driver_cuda) < _main(node.torch_cuda):
        expected = f"CUDA {node.torch_cuda} or newer, for which torch was built"
        yield fault(what, expected, "update NVIDIA's driver, or install a torch for an older CUDA")
    else:
        yield ok(f"{what}, torch was built for {node.torch_cuda}")


def _main(version: str) -> int:
    return int(version.partition(".")[0])
