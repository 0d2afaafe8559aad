"""The file of Ray's own launcher (`ray up`), for AWS and GCP.

Source: docs.ray.io, Cluster YAML Configuration Options, and the schema of the installed Ray.
"""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from jsonschema import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config

from distnet.cluster.file.providers import Aws, Gcp
from distnet.cluster.file.read import ClusterFile
from distnet.cluster.file.words import share_of
from distnet.cluster.render import aws, gcp
from distnet.cluster.render.commands import (
    PROFILE,
    SHARE,
    TOKEN,
    head_commands,
    initialization_commands,
    setup_commands,
    wheel_name,
    wheel_on_node,
    worker_commands,
)
from distnet.cluster.render.merge import merged
from distnet.cluster.token_file import TOKEN_FILE


def launcher_config(file: ClusterFile, cluster: Aws | Gcp, folder: Path) -> dict[str, Any]:
    """Make Ray's configuration of a cluster.

    Args:
        file: names the keys in errors.
        cluster: what the file holds.
        folder: where the token and the wheel are on this machine.

    Raises:
        ClusterFileError: Ray refuses the result, which is due to a key of `ray:`.
    """
    config = merged(_config(cluster, folder), cluster.ray)
    try:
        with redirect_stdout(StringIO()):  # Ray warns of the token: mounts of files are not updated
            validate_config(prepare_config(config))
    except ValidationError as error:
        key = ("ray", *error.absolute_path)
        raise file.fault(key, f"Ray refuses it: {error.message}") from None
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        AssertionError,
        RuntimeError,
    ) as error:
        raise file.fault(("ray",), f"Ray refuses the result: {error}") from None
    return config


def _config(cluster: Aws | Gcp, folder: Path) -> dict[str, Any]:
    provider = aws if isinstance(cluster, Aws) else gcp
    groups = cluster.groups.values()
    return {
        "cluster_name": cluster.name,
        "provider": provider.provider(cluster),
        "auth": {"ssh_user": cluster.user},
        "max_workers": sum(group.nodes.max for group in groups),
        "idle_timeout_minutes": cluster.idle / 60,
        "docker": _docker(cluster),
        "head_node_type": "head",
        "available_node_types": provider.node_types(cluster),
        "file_mounts": _file_mounts(cluster, folder),
        "initialization_commands": initialization_commands(cluster),
        "setup_commands": setup_commands(cluster),
        "head_setup_commands": _head_setup(cluster, provider.CLIENT),
        "worker_setup_commands": [],
        "head_start_ray_commands": head_commands(cluster),
        "worker_start_ray_commands": worker_commands(cluster),
    }


def _docker(cluster: Aws | Gcp) -> dict[str, Any]:
    if cluster.image is None:
        return {}
    share = [f"--volume {SHARE}:{SHARE}"] if share_of(cluster.storage) else []
    return {
        "image": cluster.image,
        "container_name": "distnet",
        "pull_before_run": True,
        "run_options": ["--ulimit nofile=65536:65536", *share],
    }


def _file_mounts(cluster: Aws | Gcp, folder: Path) -> dict[str, str]:
    """What is copied to the nodes: path there, path here. Ray keeps the mode of files."""
    mounts = {TOKEN: str(folder / TOKEN_FILE)}
    if cluster.install == "checkout":
        mounts[wheel_on_node()] = str(folder / wheel_name())
    return mounts


def _head_setup(cluster: Aws | Gcp, client: tuple[str, str]) -> list[str]:
    """Install what Ray's head needs to make and remove nodes."""
    module, packages = client
    return [
        f"{PROFILE}; python3 -c 'import {module}' || python3 -m pip install --quiet {packages}",
    ]
