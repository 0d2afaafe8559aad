"""`distnet cluster up`, `down` and `ssh` where Ray's launcher or kubectl makes the machines.

Both are fakes: they note how they are called, and print what the real ones print.
"""

import base64
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from distnet.cli.main import main
from distnet.client import contexts
from distnet.cluster.made import kubectl, ray_up, tool
from distnet.cluster.made.ray_head import Head
from tests.cluster.file.texts import AWS, GCP, KUBERNETES

TOKEN = "dn_abcdefghijkl_" + "x" * 43
FAKE = """#!/bin/sh
cd {folder}
echo "$(basename "$0") $*" >> calls
case "$*" in
  *"config current-context"*) cat context ;;
  up*) echo "Acquiring an up-to-date head node"; test ! -e fails || exit 1
    test ! -e slow || exec sleep 60; touch runs ;;
  down*) rm -f runs ;;
  *"get pods"*) cat pods ;;
  *"ray status"*)
    test ! -e lost || {{ echo "ssh: connect to host 10.0.0.1: timed out" >&2; exit 1; }}
    if test -e runs; then echo "distnet-ray-is-up"; else echo "distnet-ray-is-down"; fi ;;
  *"get secret/"*) test ! -e secret || cat secret ;;
  *"get namespace/"*) test ! -e shared || echo namespace/distnet ;;
  *rayclusters*) test -e kuberay || {{ echo "error: {no_kind} "rayclusters"" >&2; exit 1; }} ;;
  *admin-token*)
    test "$1" != exec || echo "Fetched IP: 10.0.0.1"
    test -e empty || echo "{token}" ;;
esac
"""
PROGRAM = """
import sys
from pathlib import Path
from distnet.cli.main import main
from distnet.cluster.made import ray_up, tool
from distnet.cluster.made.ray_head import Head
tool.OWN_FOLDER = Path({folder!r})
ray_up.head_of = lambda config: Head.NONE
sys.path.insert(0, {folder!r})
sys.exit(main(["cluster", "up", {cluster!r}]))
"""
UP = "ray up -y --log-style=pretty --disable-usage-stats"
EXEC = "ray exec --log-style=pretty F/cloud/ray.yaml"
KUBECTL = "kubectl --context=minikube --namespace=distnet"
POD = {"items": [{"metadata": {"name": "lab-head-x7k2p"}}]}
Run = Callable[..., int]


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a `ray` and a `kubectl`, and what they have noted."""
    folder = tmp_path / "fakes"
    folder.mkdir()
    for name in ("ray", "kubectl"):
        script = folder / name
        script.write_text(FAKE.format(folder=folder, token=TOKEN, no_kind=kubectl.NO_SUCH_KIND))
        script.chmod(0o755)
    for package in ("boto3", "googleapiclient"):  # which Ray's launcher needs, and its fake not
        (folder / f"{package}.py").touch()
    monkeypatch.syspath_prepend(folder)
    (folder / "pods").write_text(json.dumps(POD))
    (folder / "kuberay").touch()
    (folder / "context").write_text("minikube\n")

    def head(config: Any) -> Head:
        assert config["cluster_name"] == "cloud"
        if (folder / "other").exists():
            return Head.OTHER
        return Head.SAME if (folder / "runs").exists() else Head.NONE

    monkeypatch.setattr(ray_up, "head_of", head)
    monkeypatch.setattr(tool, "OWN_FOLDER", folder)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DISTNET_CONFIG", str(tmp_path / "config"))
    return folder


@pytest.fixture
def run(tmp_path: Path, fakes: Path) -> Run:
    """Run a command of `distnet cluster` on a cluster file."""
    assert fakes.is_dir()

    def run(command: str, text: str, *words: str) -> int:
        path = tmp_path / "cluster.yaml"
        path.write_text(text)
        return main(["cluster", command, str(path), *words])

    return run


def calls(fakes: Path) -> list[str]:
    """What was called, with the folder of the cluster as F; forgets it."""
    path = fakes / "calls"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    folder = str(Path(os.environ["HOME"]) / ".distnet" / "clusters")
    return [line.replace(folder, "F") for line in lines]


def test_machines_of_a_cloud_are_made_and_ended(
    run: Run, fakes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("up", f"{AWS}install: index\n", "--yes") == 0

    printed = capfd.readouterr()
    assert "cloud: up to 11 machines in AWS, region eu-west-1, billed from now until" in printed.err
    assert "Acquiring an up-to-date head node" in printed.err
    folder = Path(os.environ["HOME"], ".distnet", "clusters", "cloud")
    assert printed.out.splitlines() == [
        "cloud is up, context cloud; keep the way to its server open in a terminal:",
        f"  {fakes}/ray attach {folder}/ray.yaml --port-forward 8270",
    ]
    called = calls(fakes)
    assert called[0] == f"{UP} F/cloud/ray.yaml"
    assert "http://127.0.0.1:8270/healthz" in "\n".join(called[1:-1])
    assert called[-1] == f"{EXEC} cat ~/.distnet/admin-token"
    known = contexts.load()
    assert known.current == "cloud"
    assert known.contexts["cloud"] == contexts.Context("http://127.0.0.1:8270", TOKEN)
    assert TOKEN not in printed.out + printed.err
    assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600

    assert run("down", f"{AWS}install: index\n", "--yes") == 0

    printed = capfd.readouterr()
    assert "the disk of the head with ledger, run folders and datasets is deleted" in printed.err
    assert printed.out == "cloud is down\n"
    assert calls(fakes) == ["ray down -y --log-style=pretty F/cloud/ray.yaml"]
    assert "cloud" not in contexts.load().contexts


def test_a_ray_that_runs_is_not_restarted(run: Run, fakes: Path) -> None:
    text = f"{AWS}install: index\n"
    assert run("up", text, "--yes") == 0
    token = Path(os.environ["HOME"], ".distnet", "clusters", "cloud", "token").read_text()
    calls(fakes)

    assert run("up", text, "--yes") == 0

    called = calls(fakes)
    assert f"{UP} --no-restart F/cloud/ray.yaml" in called
    assert any("exec distnet server start" in call for call in called)  # in place of the old one
    again = Path(os.environ["HOME"], ".distnet", "clusters", "cloud", "token").read_text()
    assert again == token


def test_kubectl_applies_what_was_rendered_and_waits_for_the_server(
    run: Run, fakes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("up", KUBERNETES, "--yes", "--json") == 0

    printed = capfd.readouterr()
    assert "in namespace distnet of kubectl's context minikube" in printed.err
    tunnel = " ".join(json.loads(printed.out)["tunnel"])
    assert tunnel == f"{fakes}/{KUBECTL} port-forward service/lab-server 8270"
    assert [call for call in calls(fakes) if " get " not in call and "config" not in call] == [
        f"{KUBECTL} apply -k F/lab",
        f"{KUBECTL} rollout status deployment/lab-server --timeout=900s",
        f"{KUBECTL} exec deployment/lab-server -- cat /var/lib/distnet/state/admin-token",
    ]


@pytest.mark.parametrize("deletes_data", [False, True])
def test_what_others_have_in_the_namespace_stays(
    run: Run, fakes: Path, deletes_data: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("down", KUBERNETES, "--yes", *(["--delete-data"] if deletes_data else [])) == 0

    deleted = [call for call in calls(fakes) if " delete " in call]
    labels = "app.kubernetes.io/name=distnet,app.kubernetes.io/part-of=lab"
    selector = f"--selector={labels}"
    data = [
        f"{KUBECTL} delete persistentvolumeclaims {selector}",
        f"{KUBECTL} delete secret/lab-token --ignore-not-found",
    ]
    assert deleted == [
        f"{KUBECTL} delete rayclusters.ray.io {selector}",
        f"{KUBECTL} delete deployments,services,configmaps,networkpolicies {selector}",
        *(data if deletes_data else []),
    ]
    assert ("kept (--delete-data)" in capfd.readouterr().err) is not deletes_data


def test_a_head_that_ray_would_replace_is_left_alone(
    run: Run, fakes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """`ray up -y` ends it with its disk: another shape, or another ssh key."""
    (fakes / "other").touch()

    assert run("up", f"{AWS}install: index\n", "--yes") == 2

    assert "the head that runs was made with other settings" in capfd.readouterr().err
    assert calls(fakes) == []


def test_a_head_that_cannot_be_reached_is_left_alone(
    run: Run, fakes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A link that is cut for a moment is no reason to restart a Ray that trains."""
    assert run("up", f"{AWS}install: index\n", "--yes") == 0
    (fakes / "lost").touch()
    calls(fakes)

    assert run("up", f"{AWS}install: index\n", "--yes") == 2

    message = capfd.readouterr().err
    assert "the head is there and cannot be reached" in message
    assert "10.0.0.1: timed out" in message
    assert not any(call.startswith("ray up") for call in calls(fakes))


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("eu-west-1", "eu-north-1", "found a cluster with provider {'type': 'aws', 'region': 'eu"),
        ("install: index", "install: index\nports: {ray: 7000}", "Ray runs with other ports"),
    ],
)
def test_an_edit_does_not_leave_a_cluster_to_itself(
    run: Run, fakes: Path, old: str, new: str, found: str, capfd: pytest.CaptureFixture[str]
) -> None:
    text = f"{AWS}install: index\n"
    assert run("up", text, "--yes") == 0
    calls(fakes)

    assert run("up", text.replace(old, new), "--yes") == 2

    assert found in capfd.readouterr().err
    assert not any(call.startswith("ray up") for call in calls(fakes))

    assert (
        run("down", text.replace(old, new), "--yes") == 0
    )  # what was made, not what the file says

    assert not (fakes / "runs").exists()
    assert run("up", text.replace(old, new), "--yes") == 0


def test_contexts_of_other_servers_stay(
    run: Run, fakes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    contexts.save("cloud", "https://cloud.example:8270", "dn_mine")
    assert run("up", f"{AWS}install: index\n", "--yes") == 2
    assert "found context cloud for https://cloud.example:8270" in capfd.readouterr().err
    assert run("down", f"{AWS}install: index\n", "--yes") == 0
    assert "cloud" in contexts.load().contexts

    contexts.save("laptop", "http://127.0.0.1:8270", "dn_mine")
    assert run("up", KUBERNETES, "--yes") == 2
    message = capfd.readouterr().err
    assert "found context laptop at http://127.0.0.1:8270, too" in message
    assert "server: {port: 8271}" in message
    assert not any(call.startswith(("ray up", "kubectl apply")) for call in calls(fakes))


def test_kubernetes_is_repaired_where_it_is_and_with_its_token(
    run: Run, fakes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (fakes / "secret").write_text(base64.b64encode(b"token of the first up").decode())
    (fakes / "shared").touch()
    assert run("up", KUBERNETES, "--yes") == 0
    folder = Path(os.environ["HOME"], ".distnet", "clusters", "lab")
    assert (folder / "token").read_text() == "token of the first up"
    assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600
    resources = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert "server.yaml" in resources
    assert "namespace.yaml" not in resources  # its rules are those of others, too

    (fakes / "context").write_text("production\n")
    calls(fakes)
    assert run("up", KUBERNETES, "--yes") == 2
    assert "found kubectl's context production, expected that of the first up, minikube" in (
        capfd.readouterr().err
    )
    assert run("down", KUBERNETES, "--yes") == 0
    assert "lab" in contexts.load().contexts  # its ledger is kept
    assert all("--context=minikube" in call for call in calls(fakes) if "delete" in call)


def test_down_works_without_kuberay(run: Run, fakes: Path) -> None:
    (fakes / "kuberay").unlink()

    assert run("down", KUBERNETES, "--yes") == 0

    assert any("delete deployments" in call for call in calls(fakes))


@pytest.mark.parametrize("command", ["up", "down"])
def test_nothing_is_done_without_consent(
    run: Run, fakes: Path, command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(command, f"{AWS}install: index\n") == 2

    assert "found no terminal to ask at, expected --yes" in capfd.readouterr().err
    assert calls(fakes) == []
    assert not Path(os.environ["HOME"], ".distnet").exists()


def at_a_terminal(fakes: Path, cluster: Path) -> tuple["subprocess.Popen[str]", int]:
    """Start `up` with a terminal as its input; returns it, and the end at which a person types."""
    typed, stdin = os.openpty()
    script = PROGRAM.format(folder=str(fakes), cluster=str(cluster))
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # as a shell does with what is in the foreground
    )
    os.close(stdin)
    return process, typed


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 130)])
def test_up_prompts_at_a_terminal(fakes: Path, tmp_path: Path, answer: str, code: int) -> None:
    cluster = tmp_path / "cluster.yaml"
    cluster.write_text(f"{AWS}install: index\n")
    process, typed = at_a_terminal(fakes, cluster)

    os.write(typed, f"{answer}\n".encode())
    printed, _ = process.communicate(timeout=120)

    os.close(typed)
    assert process.returncode == code, printed
    assert "go on? [y/N]" in printed
    assert (f"{UP} F/cloud/ray.yaml" in calls(fakes)) is (code == 0)


def test_ctrl_c_reaches_the_tool_and_says_how_to_go_on(fakes: Path, tmp_path: Path) -> None:
    cluster = tmp_path / "cluster.yaml"
    cluster.write_text(f"{AWS}install: index\n")
    (fakes / "slow").touch()
    process, typed = at_a_terminal(fakes, cluster)
    os.write(typed, b"y\n")
    assert process.stdout is not None
    while "Acquiring" not in process.stdout.readline():
        assert process.poll() is None

    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=120)

    os.close(typed)
    assert process.returncode == 130, printed
    assert "interrupted; run it again to go on, or: distnet cluster down" in printed
    assert not (fakes / "runs").exists()


def test_a_tool_that_fails_says_what_may_be_left(
    run: Run, fakes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (fakes / "fails").touch()

    assert run("up", f"{AWS}install: index\n", "--yes") == 2

    message = capfd.readouterr().err
    assert "ray.yaml` ended with exit code 1; machines that were made are billed until" in message
    assert "cloud" not in contexts.load().contexts


def test_a_head_without_a_token_is_an_error(
    run: Run, fakes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (fakes / "empty").touch()

    assert run("up", f"{AWS}install: index\n", "--yes") == 2

    assert "found no token in ~/.distnet/admin-token on the head" in capfd.readouterr().err


def test_what_is_not_installed_is_named(
    run: Run, fakes: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ray_up, "find_spec", lambda _: None)
    assert run("up", f"{GCP}install: index\n", "--yes") == 2
    message = capfd.readouterr().err
    assert "found no Python package googleapiclient, expected it for Google Cloud" in message
    assert "pip install google-api-python-client" in message

    (fakes / "kubectl").unlink()
    monkeypatch.setenv("PATH", str(fakes))
    assert run("up", KUBERNETES, "--yes") == 2
    assert "found no `kubectl` on this machine, expected it on PATH" in capfd.readouterr().err


def test_a_shell_on_the_head(run: Run, fakes: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def shell(text: str, *words: str) -> str:
        assert run("ssh", text, "--json", *words) == 0
        command: list[str] = json.loads(capfd.readouterr().out)["command"]
        return " ".join([Path(command[0]).name, *command[1:]])

    assert run("ssh", AWS, "head") == 2
    assert "distnet cluster up" in capfd.readouterr().err
    for text in (f"{AWS}install: index\n", f"{KUBERNETES}server: {{port: 8271}}\n"):
        assert run("up", text, "--yes") == 0
    capfd.readouterr()

    clusters = Path(os.environ["HOME"], ".distnet", "clusters")
    assert shell(AWS, "head") == f"ray attach {clusters}/cloud/ray.yaml"
    assert shell(AWS, "head", "--", "tail", "my log").endswith("; tail 'my log'")
    assert shell(KUBERNETES, "head") == (f"{KUBECTL} exec -it pod/lab-head-x7k2p -- bash")
    assert shell(KUBERNETES, "head", "--", "nproc").endswith("pod/lab-head-x7k2p -- nproc")
    assert run("ssh", AWS, "gpu1") == 2
    assert "found host 'gpu1', expected head" in capfd.readouterr().err
    (fakes / "pods").write_text('{"items": []}')
    assert run("ssh", KUBERNETES, "head") == 2
    assert "found no pod of Ray's head in namespace distnet" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["status", "nodes", "logs"])
def test_what_hosts_have_is_refused_with_the_way_out(
    run: Run, command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(command, AWS) == 2

    message = capfd.readouterr().err
    assert "cluster.yaml:2 provider: found aws, expected local or ssh" in message
    assert "`distnet nodes`" in message
