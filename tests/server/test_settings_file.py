import math
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
  priority: 7
limits: {log: 2MB, head_within: 20s, job_file: 64kB, followers_per_user: 9,
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
    assert (settings.allowance.open_jobs, settings.allowance.priority) == (50, 7)
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
        ("s3://bucket/lab", "/shared/lab", 17, "checkpoints"),
        ("s3://bucket/lab", "s3://me:secret@bucket/lab", 17, "checkpoints"),
        ("ageing: 2h", "agein: 2h", 4, "policy.agein"),
        ("https://hooks", "http://hooks", 11, "webhooks.urls.0"),
        ("https://hooks", "https://user:word@hooks", 11, "webhooks.urls.0"),
        ("./hook.key", "./none.key", 12, "webhooks.secret"),
        ("10.1.0.0/16", "10.1.0.0.0", 13, "webhooks.private.0"),
        ("10.1.0.0/16", "10.1.0.1/16", 13, "webhooks.private.0"),
        ("NCCL_SOCKET_IFNAME", "DISTNET_SERVER", 15, "environment.DISTNET_SERVER"),
        ("NCCL_SOCKET_IFNAME", "1ST", 15, "environment.1ST"),
        ("eth1", "1", 15, "environment.NCCL_SOCKET_IFNAME"),
        ("50", "0", 9, "limits.open_jobs_per_user"),
        ("90d", "90", 8, "limits.keep"),
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


@pytest.mark.parametrize(
    ("text", "grace_s"),
    [
        ("policy: {}", 3600.0),
        ("policy: {preset: strict}", 600.0),
        ("policy: {preset: lab, grace: 2h}", 7200.0),
    ],
)
def test_a_policy_says_how_long_a_job_may_take_to_leave(
    tmp_path: Path, text: str, grace_s: float
) -> None:
    assert read(tmp_path, text).allowance.grace_s == grace_s


@pytest.mark.parametrize(
    ("text", "ageing_s", "priority", "not_preemptible_s"),
    [
        ("policy: {}", 4 * 3600, 10, 7 * 86_400),
        ("policy: {preset: lab}", 2 * 3600, 3, 86_400),
        ("policy: {preset: strict}", 3600, 0, 0),
        ("policy: {preset: lab, ageing: 3h}", 3 * 3600, 3, 86_400),
        ("policy: {preset: strict, priority: 5}", 3600, 5, 0),
        ("policy: {not_preemptible: anyone}", 4 * 3600, 10, math.inf),
        ("policy: {preset: lab, not_preemptible: admins}", 2 * 3600, 3, 0),
        ("policy: {preset: strict, not_preemptible: 12h}", 3600, 0, 12 * 3600),
    ],
)
def test_a_preset_says_what_the_other_keys_of_the_policy_leave_out(
    tmp_path: Path, text: str, ageing_s: float, priority: int, not_preemptible_s: float
) -> None:
    settings = read(tmp_path, text)

    assert settings.policy.ageing_s == ageing_s
    allowance = settings.allowance
    assert (allowance.priority, allowance.not_preemptible_s) == (priority, not_preemptible_s)
