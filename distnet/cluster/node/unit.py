"""The unit with which the user's systemd runs a node, and runs it again after a reboot."""

from distnet.launch.ray.node import NODE_MARK

TEMPLATE = """\
[Unit]
Description=Node of the distnet cluster {cluster}
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart={command}
Environment={mark}
WorkingDirectory=/
UMask=0077
Restart=always
RestartSec=5
KillMode=mixed
TimeoutStopSec=40
LimitNOFILE=65536
StandardOutput=append:{log}
StandardError=append:{log}

[Install]
WantedBy=default.target
"""


def unit_name(cluster: str) -> str:
    """The name of the unit's file."""
    return f"distnet-{cluster}.service"


def unit_text(cluster: str, command: list[str], mark: str, folder: str) -> str:
    """The unit of a node.

    Args:
        cluster: its name.
        command: of the node; absolute paths.
        mark: of the node.
        folder: of the cluster on the host, an absolute path.
    """
    return TEMPLATE.format(
        cluster=cluster,
        command=" ".join(map(_quoted, command)),
        mark=_quoted(f"{NODE_MARK}={mark}"),
        log=f"{folder}/node.log".replace("%", "%%"),
    )


def _quoted(word: str) -> str:
    """A word as systemd reads it: `%` begins a specifier, `$` a variable."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
