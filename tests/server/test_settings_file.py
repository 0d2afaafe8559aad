from pathlib import Path

import pytest

from distnet.errors import DistnetError
from distnet.server.settings import Settings
from distnet.server.settings_file import with_file

SECRET = "0123456789abcdef0123456789abcdef"
WHOLE = """\
hosts: [lab.example.org]
silent_after: 45s
policy:
  ageing: 2h
  preemption: false
limits: {log: 2MB, priority: 10, head_within: 20s, job_file: 64kB, followers_per_user: 9,
  code: 10MB, keep: 90d, connections: 900, connections_per_address: 70,
  open_jobs_per_user: 50}
webhooks:
  urls: [https://hooks.example.org/distnet]
  secret: ./hook.key
  private: [10.1.0.0/16]
environment:
  NCCL_SOCKET_IFNAME: eth1
datasets: ./datasets
checkpoints: s3://bucket/lab
run_folders: group
"""


def read(folder: Path, text: str) -> Settings:
    (folder / "hook.key").write_text(SECRET + "\n")
    path = folder / "server.yaml"
    path.write_text(text)
    return with_file(Settings(ledger="sqlite:////x", runs=folder), path)


def test_a_settings_file_says_what_no_option_says(tmp_path: Path) -> None:
    settings = read(tmp_path, WHOLE)

    assert settings.hosts == ("lab.example.org",)
    assert settings.silent_after_s == 45
    assert (settings.policy.ageing_s, settings.policy.preemption) == (7200, False)
    assert settings.policy.backfill
    assert settings.limits.code_bytes == 10_000_000
    assert settings.limits.log_bytes == 2_000_000
    limits = settings.limits
    assert (limits.head_s, limits.job_file_bytes, limits.followers_per_user) == (20, 64_000, 9)
    assert (limits.connections, limits.connections_per_address) == (900, 70)
    assert settings.keep_s == 90 * 86_400
    assert (settings.allowance.open_jobs, settings.allowance.priority) == (50, 10)
    assert settings.webhooks is not None
    assert settings.webhooks.secret == SECRET
    assert settings.webhooks.private == ("10.1.0.0/16",)
    assert settings.dataset_folder == tmp_path / "datasets"
    assert settings.checkpoints == "s3://bucket/lab"
    assert settings.umask == 0o027
    assert settings.environment == {"NCCL_SOCKET_IFNAME": "eth1"}


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Settings(ledger="sqlite:////x", runs=tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ("45s", "-1", 2, "silent_after"),
        ("s3://bucket/lab", "/shared/lab", 16, "checkpoints"),
        ("s3://bucket/lab", "s3://me:secret@bucket/lab", 16, "checkpoints"),
        ("ageing: 2h", "agein: 2h", 4, "policy.agein"),
        ("https://hooks", "http://hooks", 10, "webhooks.urls.0"),
        ("https://hooks", "https://user:word@hooks", 10, "webhooks.urls.0"),
        ("./hook.key", "./none.key", 11, "webhooks.secret"),
        ("10.1.0.0/16", "10.1.0.0.0", 12, "webhooks.private.0"),
        ("10.1.0.0/16", "10.1.0.1/16", 12, "webhooks.private.0"),
        ("NCCL_SOCKET_IFNAME", "DISTNET_SERVER", 14, "environment.DISTNET_SERVER"),
        ("NCCL_SOCKET_IFNAME", "1ST", 14, "environment.1ST"),
        ("eth1", "1", 14, "environment.NCCL_SOCKET_IFNAME"),
        ("50", "0", 8, "limits.open_jobs_per_user"),
        ("90d", "90", 7, "limits.keep"),
    ],
)
def test_a_fault_is_reported_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, key: str
) -> None:
    with pytest.raises(DistnetError) as caught:
        read(tmp_path, WHOLE.replace(old, new))

    assert f"server.yaml:{line} {key}: " in str(caught.value)


def test_a_secret_that_is_too_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short.key").write_text("short\n")
    with pytest.raises(DistnetError, match="expected at least 16"):
        read(tmp_path, WHOLE.replace("hook.key", "short.key"))


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DistnetError, match="cannot read the settings"):
        with_file(Settings(ledger="x", runs=tmp_path), tmp_path / "none.yaml")


def test_proxies_are_addresses_or_networks(tmp_path: Path) -> None:
    settings = read(tmp_path, "proxies: [127.0.0.1, 10.1.0.0/16, '::1']")

    assert settings.proxies == ("127.0.0.1/32", "10.1.0.0/16", "::1/128")
    with pytest.raises(DistnetError, match="proxies.0: .*expected an address, or a network"):
        read(tmp_path, "proxies: [lab.example.org]")
