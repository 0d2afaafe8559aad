"""Machines in namespaces: each with its own network, mounts, ssh server, users and home folders.

    user --- bridge --- head, gpu1 (another user), gpu2 (another port); gpu3 behind the head

They share the file system of this machine for reading, and a folder that is the storage of some
tests; /tmp, /dev/shm, /run, /etc/passwd and all home folders are their own. `user` is the user's
machine. gpu3 was installed anew: its environment and its distnet are copies, made of hard links,
and those of the others are not there.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.sshd import PROGRAM, make_key
from tests.needs import NAMESPACES, SSHD

ROOT = Path(__file__).parents[2]
NUMBER = os.getpid()
BRIDGE = f"dnc{NUMBER}"
NETWORK = "10.215.0"
OWN_FOLDERS = ("/tmp", "/dev/shm", "/run", "/home")
PYTHON = Path(sys.executable).parent


@dataclass(frozen=True)
class Machine:
    """One machine."""

    name: str
    last: int
    """The last number of its address."""
    user: str = "root"
    port: int = 22
    is_new: bool = False
    """Whether it has an installation of its own."""

    @property
    def address(self) -> str:
        """In the network of all machines."""
        return f"{NETWORK}.{self.last}"

    @property
    def namespace(self) -> str:
        """The name of its network namespace."""
        return f"dnc{NUMBER}{self.name}"

    @property
    def link(self) -> str:
        """The name of its network interface."""
        return f"c{NUMBER}{self.name}"[:15]


LAPTOP = Machine("user", 9)
HEAD = Machine("head", 1)
GPU1 = Machine("gpu1", 2, user="anna")
GPU2 = Machine("gpu2", 3, port=2222)
GPU3 = Machine("gpu3", 4, is_new=True)
HOSTS = (HEAD, GPU1, GPU2, GPU3)


@dataclass
class Machines:
    """All machines, while they run."""

    folder: Path
    """Of the tests on the real machine; it has the roots of the machines' own folders."""
    keepers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def own(self, machine: Machine, path: str = "") -> Path:
        """Where a path of a machine is on the real machine."""
        return self.folder / "machines" / machine.name / path.lstrip("/")

    @property
    def storage(self) -> Path:
        """The folder that all machines share."""
        return self.folder / "storage"

    def command(self, machine: Machine, words: Sequence[str]) -> list[str]:
        """A command line that runs another in a machine."""
        pid = str(self.keepers[machine.name].pid)
        return ["nsenter", "-t", pid, "-n", "-m", "--", *words]

    def run(
        self, *words: str, timeout: float = 300, machine: Machine = LAPTOP
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a machine; by default on the user's."""
        return subprocess.run(
            self.command(machine, words),
            env=environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def distnet(self, *words: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run distnet where the user sits."""
        return self.run(sys.executable, "-m", "distnet.cli", *words, timeout=timeout)

    def processes(self, machine: Machine) -> list[str]:
        """The command lines of what runs on a machine, besides its ssh server."""
        own = os.readlink(f"/proc/{self.keepers[machine.name].pid}/ns/mnt")
        found = []
        for folder in Path("/proc").iterdir():
            with suppress(OSError):
                if folder.name.isdigit() and os.readlink(folder / "ns" / "mnt") == own:
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if words and not words.startswith(("sleep", "sshd", "/usr/sbin/sshd")):
                        found.append(words)
        return found

    def files(self, machine: Machine, path: str) -> list[str]:
        """The files below a folder of a machine."""
        found = self.run("find", path, "-mindepth", "1", machine=machine)
        return [line for line in found.stdout.splitlines() if "/.ssh" not in line]


@contextmanager
def machines(hosts: Sequence[Machine] = HOSTS) -> Iterator[Machines]:
    """Start the machines, and end all that runs on them afterwards."""
    if not is_possible():
        NAMESPACES.skip()
    if PROGRAM is None:
        SSHD.skip()
    # Not below /tmp, which each machine has for itself.
    folder = Path(tempfile.mkdtemp(prefix="distnet-tests-", dir="/var/tmp"))
    folder.chmod(0o755)
    started = Machines(folder)
    everyone = (*hosts, LAPTOP)
    try:
        started.storage.mkdir()
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("link", "set", BRIDGE, "up")
        for machine in everyone:
            _connect(machine)
            started.keepers[machine.name] = _own_mounts(machine, folder)
        for machine in hosts:
            _serve(started, machine)
        _write_client(started, hosts)
        yield started
    finally:
        for machine in everyone:
            _end(started, machine)
        subprocess.run(["ip", "link", "delete", BRIDGE], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def environment(installed: Path = PYTHON, code: Path = ROOT) -> dict[str, str]:
    """That of a user on a machine of their own.

    Args:
        installed: the folder of its Python.
        code: the folder of its distnet.
    """
    here = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "DISTNET_", "SSH_"))}
    path = f"{installed}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    return here | {"PATH": path, "PYTHONPATH": str(code), "HOME": "/home/root"}


def is_possible() -> bool:
    """Whether this machine lets us make others."""
    programs = ("ip", "unshare", "nsenter", "mount")
    is_root = sys.platform == "linux" and os.geteuid() == 0
    return is_root and all(map(shutil.which, programs))


def cut(machine: Machine) -> None:
    """Cut a machine off from all others."""
    _ip("link", "set", f"{machine.link[:14]}p", "down")


def mend(machine: Machine) -> None:
    """Connect a machine again."""
    _ip("link", "set", f"{machine.link[:14]}p", "up")


def _connect(machine: Machine) -> None:
    near, far = f"{machine.link[:14]}p", machine.link
    _ip("netns", "add", machine.namespace)
    _ip("-n", machine.namespace, "link", "set", "lo", "up")
    _ip("link", "add", far, "type", "veth", "peer", "name", near)
    _ip("link", "set", far, "netns", machine.namespace)
    _ip("link", "set", near, "master", BRIDGE, "up")
    _ip("-n", machine.namespace, "addr", "add", f"{machine.address}/24", "dev", far)
    _ip("-n", machine.namespace, "link", "set", far, "up")


def _own_mounts(machine: Machine, folder: Path) -> subprocess.Popen[bytes]:
    """A process that holds the machine's mounts; its namespaces are entered by others."""
    own = folder / "machines" / machine.name
    steps = ["set -e", "mount --make-rprivate /"]
    for path in OWN_FOLDERS:
        (own / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
        steps.append(f"mount --bind {own}{path} {path}")
    (own / "tmp").chmod(0o1777)
    (own / "dev" / "shm").chmod(0o1777)
    users = own / "passwd"
    # /root stays that of this machine, which may have its Python there.
    known = Path("/etc/passwd").read_text().splitlines()
    others = [line for line in known if not line.startswith("root:")]
    own_users = [f"{name}:x:0:0::/home/{name}:/bin/sh" for name in ("root", "anna")]
    users.write_text("\n".join([*own_users, *others, ""]))
    for name in ("root", "anna"):
        (own / "home" / name).mkdir(mode=0o700)
    if machine.is_new:
        steps += _installed_anew(own)
    steps += [f"mount --bind {users} /etc/passwd", "mkdir -p /run/sshd", "echo ready"]
    steps.append("exec sleep infinity")
    keeper = subprocess.Popen(
        [
            *("ip", "netns", "exec", machine.namespace, "unshare", "-m", "sh", "-c"),
            "; ".join(steps),
        ],
        stdout=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == b"ready\n"
    return keeper


def _installed_anew(own: Path) -> list[str]:
    """Give a machine its own environment and distnet; returns what hides those of the others."""
    copies = ((PYTHON.parent, own / "env"), (ROOT / "distnet", own / "code" / "distnet"))
    (own / "code").mkdir()
    for source, copy in copies:
        subprocess.run(["cp", "-al", str(source), str(copy)], check=True)
    for script in (own / "env" / "bin").iterdir():
        _set_interpreter(script, own / "env" / "bin")
    return [f"mount -t tmpfs none {folder}" for folder in (PYTHON.parent, ROOT)]


def _set_interpreter(script: Path, installed: Path) -> None:
    """Let a script run by the Python beside it; the other name of its file is left alone."""
    begin = b"#!" + bytes(PYTHON)
    data = b"" if script.is_symlink() or not script.is_file() else script.read_bytes()
    if data.startswith(begin):
        script.unlink()
        script.write_bytes(b"#!" + bytes(installed) + data.removeprefix(begin))
        script.chmod(0o755)


def _serve(started: Machines, machine: Machine) -> None:
    """Start the machine's ssh server."""
    own = started.own(machine)
    seen = environment(own / "env" / "bin", own / "code") if machine.is_new else environment()
    make_key(own / "host_key")
    make_key(started.folder / "user_key")
    shutil.copy(started.folder / "user_key.pub", own / "authorized_keys")
    config = own / "sshd_config"
    config.write_text(
        f"ListenAddress {machine.address}\nPort {machine.port}\nHostKey {own}/host_key\n"
        f"AuthorizedKeysFile {own}/authorized_keys\nPidFile none\nUsePAM no\nStrictModes no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"
        f"SetEnv PATH={seen['PATH']} PYTHONPATH={seen['PYTHONPATH']}\n"
        # sshd sets SSH_CONNECTION by itself
    )
    assert PROGRAM is not None
    done = subprocess.run(
        started.command(machine, [PROGRAM, "-f", str(config)]), env=seen, check=False
    )
    assert done.returncode == 0


def _write_client(started: Machines, hosts: Sequence[Machine]) -> None:
    """The ssh configuration of the user, who knows all hosts."""
    home = started.own(LAPTOP, "/home/root/.ssh")
    home.mkdir(mode=0o700)
    shutil.copy(started.folder / "user_key", home / "id_ed25519")
    known = []
    for machine in hosts:
        key = started.own(machine, "host_key.pub").read_text().strip()
        port = machine.port
        known.append(f"{machine.address if port == 22 else f'[{machine.address}]:{port}'} {key}\n")
    (home / "known_hosts").write_text("".join(known))
    (home / "config").write_text("Host head\n  HostName 10.215.0.1\n  User root\n")


def _end(started: Machines, machine: Machine) -> None:
    keeper = started.keepers.get(machine.name)
    if keeper is not None:
        own = os.readlink(f"/proc/{keeper.pid}/ns/mnt")
        for folder in Path("/proc").iterdir():
            with suppress(OSError):
                if folder.name.isdigit() and os.readlink(folder / "ns" / "mnt") == own:
                    os.kill(int(folder.name), signal.SIGKILL)
        keeper.wait()
    # Deleting a namespace deletes its links some time later, when others may have taken the name.
    for of in (["link", "delete", f"{machine.link[:14]}p"], ["netns", "delete", machine.namespace]):
        subprocess.run(["ip", *of], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
