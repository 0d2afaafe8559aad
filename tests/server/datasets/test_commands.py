"""`distnet data push`, `list` and `remove`."""

import json
from pathlib import Path

import pytest

from distnet.cli.main import main
from distnet.client.client import Client
from distnet.data.manifest import read_manifest
from tests.datasets import write_dataset
from tests.server.http.api import Api
from tests.server.http.live import live


def _interrupted(*_: object) -> int:
    raise KeyboardInterrupt


def test_push_list_remove(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_dataset(tmp_path / "stripes", train=40, test=8)
    sha256 = read_manifest(folder).sha256
    monkeypatch.setenv("DISTNET_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("DISTNET_TOKEN", api.token("ada"))

    def printed(*words: str, code: int = 0) -> tuple[str, str]:
        assert main(["data", *words]) == code
        return capsys.readouterr()

    with live(api) as address:
        monkeypatch.setenv("DISTNET_SERVER", address)
        with monkeypatch.context() as patch:
            patch.setattr(Client, "put_shard", _interrupted)
            out, err = printed("push", str(folder), code=130)
        assert "; the same command goes on from there" in err
        out, _ = printed("stored")
        assert [out.splitlines()[1].split()[0], out.split()[-1]] == [sha256[:12], "0%"]
        out, _ = printed("stored", "--json")
        [upload] = json.loads(out)["datasets"]
        assert (upload["is_complete"], upload["num_received"]) == (False, 0)
        _, err = printed("remove", sha256[:8])
        assert err.startswith("removed stripes, ")
        assert printed("stored")[0].count("\n") == 1
        out, err = printed("push", str(folder))
        assert out == f"data: {{source: sha256:{sha256}}}\n"
        assert err.startswith(f"uploaded stripes to {address}: ")
        out, _ = printed("push", str(folder), "--json")
        assert json.loads(out)["source"] == f"sha256:{sha256}"
        assert json.loads(out)["uploaded_bytes"] == 0
        out, err = printed("stored")
        assert [sha256[:12], "stripes", "48"] == out.splitlines()[1].split()[:3]
        assert out.split()[-1] == "100%"
        assert err.endswith(" of 200 GB\n")
        for wrong in ("zz", "", sha256[:5][::-1] + "0"):
            _, err = printed("remove", wrong, code=2)
            assert "distnet data stored" in err
        _, err = printed("remove", f"sha256:{sha256[:8]}")
        assert err.startswith("removed stripes, ")
        out, _ = printed("stored", "--json")
        assert json.loads(out)["datasets"] == []
