"""The files of the sandbox's page, without a browser: all served, nothing else, nothing from elsewhere."""

import re
from importlib import resources

import pytest
import requests

REFERENCES = re.compile(r"""(?:src|href|from|import)[= ]"(?:\./)?([\w-]+\.\w+)\"""")
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|<script>|style=")
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@pytest.fixture
def url(endpoint):
    return f"{endpoint.url}/_sandbox"


def test_every_file_is_referred_to_and_served_and_may_load_only_what_is_our_own(url):
    wanted, seen = ["index.html"], set()
    while wanted:
        name = wanted.pop()
        answer = requests.get(f"{url}/{name}", timeout=5)
        assert answer.status_code == 200, name
        assert answer.headers["Content-Type"].startswith(KINDS[name.rpartition(".")[2]])
        assert answer.headers["Content-Security-Policy"] == "default-src 'self'"
        assert not re.search(r"(?:src|href|from|import|url\()[= ]?[\"']?(?:https?:)?//", answer.text), name
        seen.add(name)
        wanted += [other for other in REFERENCES.findall(answer.text) if other not in seen]
    assert seen == {file.name for file in resources.files("leadrelay_sandbox").joinpath("page").iterdir()}


def test_no_markup_is_made_from_data():
    for file in resources.files("leadrelay_sandbox").joinpath("page").iterdir():
        assert not MARKUP.search(file.read_text("utf-8")), file


@pytest.mark.parametrize("name", ["control.py", "page/index.html", "%2e%2e/control.py", "..%2fcontrol.py", ".", "x.js"])
def test_nothing_else_is_served(url, name):
    request = requests.Request("GET", url).prepare()
    request.url = f"{url}/{name}"
    assert requests.Session().send(request, timeout=5).status_code == 404
