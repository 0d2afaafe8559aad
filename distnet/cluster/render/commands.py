"""The shell commands of Ray's launcher file: install distnet, start Ray and the server.

Each has to be safe to repeat: Ray's launcher runs them again whenever the file has changed.
"""

from shlex import join, quote

from distnet.cluster.file.providers import Cloud
from distnet.cluster.file.words import share_of, store_of
from distnet.cluster.hosts.wheel import TAG, installed_versions
from distnet.cluster.versions import version_of

FOLDER = "~/.distnet"
TOKEN = "~/.ray/auth_token"
"""Where Ray looks for the token by default."""
SHARE = "/mnt/distnet"
PROFILE = 'export RAY_AUTH_MODE=token PATH="$HOME/.distnet/env/bin:$PATH"'
AUTOSCALING = "~/ray_bootstrap_config.yaml"
"""What `ray up` leaves on the head for the autoscaler: the groups, and what Ray has found out."""
APT = "sudo apt-get -qq -o DPkg::Lock::Timeout=600"
"""A machine that has just started still updates itself."""


def wheel_name() -> str:
    """The file name of the wheel of the checkout."""
    return f"distnet-{version_of('distnet')}-{TAG}.whl"


def wheel_on_node() -> str:
    """Where the wheel of the checkout is on the nodes."""
    return f"{FOLDER}/{wheel_name()}"


def initialization_commands(cluster: Cloud) -> list[str]:
    """Mount the share, on the machine itself, before a container starts."""
    nfs = share_of(cluster.storage)
    if nfs is None:
        return []
    host, _, path = nfs.removeprefix("nfs://").partition("/")
    share = quote(f"{host}:/{path}")
    options = "nfsvers=4.1,hard,timeo=600,retrans=2,noresvport"
    return [
        f"{APT} update && {APT} install -y nfs-common && sudo mkdir -p {SHARE}",
        f"mountpoint -q {SHARE} || sudo mount -t nfs4 -o {options} {share} {SHARE}",
        f'sudo install -d -o "$(id -u)" -g "$(id -g)" {SHARE}/runs',
    ]


def setup_commands(cluster: Cloud) -> list[str]:
    """Make every node speak with the token, and install distnet."""
    profile = f"grep -qxF {quote(PROFILE)} ~/.profile || echo {quote(PROFILE)} >> ~/.profile"
    return [f"mkdir -p {FOLDER}", f"chmod 600 {TOKEN}", profile, *_install(cluster)]


def _install(cluster: Cloud) -> list[str]:
    if cluster.install == "none":
        return []
    make = f"python3 -m venv --clear {FOLDER}/env"
    get = f"{APT} update && {APT} install -y python3-venv"
    pip = f"{FOLDER}/env/bin/pip install --quiet"
    is_checkout = cluster.install == "checkout"
    released = [] if is_checkout else [f"distnet=={version_of('distnet')}"]
    packages = join([*released, *installed_versions(), *cluster.packages])
    commands = [
        f"test -x {FOLDER}/env/bin/pip || {make} || ({get} && {make})",
        f"{pip} {wheel_on_node()} {packages}" if is_checkout else f"{pip} {packages}",
    ]
    if is_checkout:  # the version stays the same while the code changes
        commands.append(f"{pip} --force-reinstall --no-deps {wheel_on_node()}")
    return commands


def head_commands(cluster: Cloud) -> list[str]:
    """Start Ray's head, which runs no workers, and the server."""
    ports = cluster.ports
    start = (
        f"ray start --head --num-cpus=0 --num-gpus=0 --port={ports.ray} --object-manager-port=8076 "
        f"--dashboard-host=127.0.0.1 --dashboard-port={ports.dashboard} --disable-usage-stats "
        f"--autoscaling-config={AUTOSCALING}"
    )
    return [
        f"{PROFILE}; ray stop",
        f"{PROFILE}; ulimit -n 65536; {start}",
        *server_commands(cluster),
    ]


def worker_commands(cluster: Cloud) -> list[str]:
    """Start Ray on a node of a group."""
    start = f"ray start --address=$RAY_HEAD_IP:{cluster.ports.ray} --object-manager-port=8076"
    return [f"{PROFILE}; ray stop", f"{PROFILE}; ulimit -n 65536; {start}"]


def server_commands(cluster: Cloud) -> list[str]:
    """Start the server, in place of one that runs; the ledger keeps the jobs.

    It listens on all addresses, because `ray attach --port-forward` comes in on loopback and the
    attempts do not. Firewall and security group let in nothing but ssh; a token is wanted anyway.
    """
    runs = f"{SHARE}/runs" if share_of(cluster.storage) else f"{FOLDER}/runs"
    store = store_of(cluster.storage)
    kept = f" --checkpoints {store}" if store else ""
    port = cluster.server.port
    own = "\"$(python3 -c 'import ray.util; print(ray.util.get_node_ip_address())')\""
    command = (
        f"exec distnet server start --wait --listen 0.0.0.0:{port} --address http://{own}:{port} "
        f"--ray http://127.0.0.1:{cluster.ports.dashboard} --runs {runs}{kept} "
        f"--autoscaling {AUTOSCALING} --gcs {own}:{cluster.ports.ray}"
    )
    token = "distnet server token --role admin > new-token && mv new-token admin-token"
    run = f"echo $$ > server.pid; {command}"
    enter = f"{PROFILE}; umask 077; cd {FOLDER}"
    return [
        f"{enter} && (test -s admin-token || ({token}))",
        f"{enter}; test ! -f server.pid || pkill -F server.pid -f 'distnet server'; "
        f"setsid sh -c {quote(run)} < /dev/null >> server.log 2>&1 &",
    ]
