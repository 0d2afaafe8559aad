"""The files of the page: complete, small, of one's own, and served as what they are."""

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.server.harness import Harness
from tests.server.http.api import Api

PAGE = Path(__file__).parents[3] / "distnet" / "server" / "page"
ASSETS = sorted((PAGE / "assets").iterdir())
SCRIPTS = [path for path in ASSETS if path.suffix == ".js"]
MARKUP = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser")
CODE = ("eval(", "new Function", 'setAttribute("on', "javascript:")


@pytest.fixture
def client(tmp_path):
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        yield Api(harness).client(None)


def test_the_files_were_found():
    assert len(SCRIPTS) > 10


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_small_and_put_text_in_as_text(path):
    text = path.read_text()
    assert text.count("\n") <= 250
    assert not [word for word in (*MARKUP, *CODE) if word in text]
    for module in re.findall(r'from "\./([^"]+)"', text):
        assert (PAGE / "assets" / module).is_file(), f"{path.name} imports {module}"


@pytest.mark.parametrize("path", [PAGE / "index.html", *ASSETS], ids=lambda path: path.name)
def test_nothing_comes_from_another_host(path):
    addresses = set(re.findall(r"(?:https?:)?//[a-z0-9.]+\.[a-z]+", path.read_text()))
    assert addresses <= {"http://www.w3.org"}


def test_the_page_has_nothing_inline(client: TestClient):
    response = client.get("/")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.findall(r"<style|style=|<script(?![^>]* src=)|\son[a-z]+=", response.text)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for name in re.findall(r'(?:src|href)="(assets/[^"]+)"', response.text):
        assert client.get(f"/{name}").status_code == 200


@pytest.mark.parametrize("path", ASSETS, ids=lambda path: path.name)
def test_files_are_requested_again_but_sent_only_if_they_changed(client: TestClient, path):
    kind = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
    response = client.get(f"/assets/{path.name}")
    assert response.content == path.read_bytes()
    assert response.headers["content-type"] == kind[path.suffix]
    assert response.headers["cache-control"] == "no-cache"
    again = client.get(f"/assets/{path.name}", headers={"if-none-match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["../index.html", "..%2findex.html", "%2e%2e/index.html", "none.js", "a/b.js", ""]
)
def test_no_other_file_is_served(client: TestClient, path):
    assert client.get(f"/assets/{path}").status_code in (401, 404)
