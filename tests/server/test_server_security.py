"""What surrounds the answers: headers, origins, hosts, the files of the explorer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from glassgpt.errors import ConfigError
from glassgpt.server import limits
from glassgpt.server.security import CHECK_FIRST, FOREVER, HEADERS
from serving import STREAM, app, ask, post

HTML = '<!doctype html><script type="module" src="./assets/index-1a2b.js"></script>'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A built explorer, small."""
    files = {
        "index.html": HTML,
        "assets/index-1a2b.js": "export {};" * 200,
        "assets/kernel-3c.wasm": "\0asm",
        "assets/outfit.woff2": "w",
        "models/ten.json": "{}",
    }
    for name, content in files.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "site"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/assets/index-1a2b.js", 200),
        ("GET", "/assets/none.js", 404),
        ("GET", "/assets/../../secret", 404),
        ("GET", "/assets/..%2f..%2fsecret", 404),
        ("GET", "/health", 200),
        ("HEAD", "/health", 200),
        ("HEAD", "/model.json", 200),
        ("HEAD", "/docs", 200),
        ("HEAD", "/generate", 405),
        ("GET", "/docs", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/nothing", 404),
        ("GET", "/model/", 404),
        ("GET", "/generate", 405),
        ("DELETE", "/model", 405),
        ("POST", "/", 405),
        ("POST", "/generate", 422),
        ("OPTIONS", "/generate", 405),
    ],
)
def test_every_answer_has_the_headers(site: Path, method: str, path: str, status: int) -> None:
    answer = ask(app(site_path=site), method, path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "cache-control" in answer.headers
    assert "access-control-allow-origin" not in answer.headers
    if method == "HEAD":
        assert answer.content == b""
        assert int(answer.headers["content-length"]) > 0
    elif status >= 400:
        assert list(answer.json()) == ["error"] or answer.json()["field"]


def test_a_stream_has_the_headers_too() -> None:
    answer = post(app(), "/generate", {"n": 1}, headers=STREAM)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_an_error_of_ours_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A file that is not ours, in a checkout that is called as the README says.
    elsewhere: dict[str, Any] = {}
    code = "def broken(*_):\n    raise ZeroDivisionError('a\\nbug')\n"
    exec(compile(code, "/home/me/glassgpt/.venv/library.py", "exec"), elsewhere)
    monkeypatch.setattr("glassgpt.server.texts.tokenize", elsewhere["broken"])
    answer = post(app(), "/tokenize", {"text": "a"})
    assert answer.status_code == 500
    message = "an error occurred inside the server; its operator can see the details"
    assert answer.json() == {"error": message}
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    line = "glassgpt: POST /tokenize: ZeroDivisionError: a bug (app.py:"
    assert capsys.readouterr().err.startswith(line)


def test_no_script_of_the_page_itself_may_run() -> None:
    policy = dict(
        rule.split(" ", 1) for rule in HEADERS["Content-Security-Policy"].split("; ")
    )  # fmt: skip
    assert policy["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert policy["default-src"] == policy["worker-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"


# --- origins and hosts ----------------------------------------------------------------------------

ORIGIN = {"Origin": "https://example.org"}
PREFLIGHT = ORIGIN | {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
}


def test_other_sites_are_kept_out_by_default() -> None:
    answer = ask(app(), "GET", "/model", headers=ORIGIN)
    assert "access-control-allow-origin" not in answer.headers
    assert ask(app(), "OPTIONS", "/generate", headers=PREFLIGHT).status_code == 405


def test_a_site_can_be_let_in() -> None:
    opened = app(cors_origins=["https://example.org"])
    for method, path, headers in (
        ("GET", "/model", ORIGIN),
        ("GET", "/nothing", ORIGIN),
        ("OPTIONS", "/generate", PREFLIGHT),
    ):
        answer = ask(opened, method, path, headers=headers)
        assert answer.headers["access-control-allow-origin"] == "https://example.org"
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    other = ask(opened, "GET", "/model", headers={"Origin": "https://example.com"})
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("https://example.org/", "https://example.org"),
        ("HTTPS://Example.org:443", "https://example.org"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
        ("https://müller.example", "https://xn--mller-kva.example"),
    ],
)
def test_an_origin_is_compared_as_browsers_send_it(given: str, sent: str) -> None:
    answer = ask(app(cors_origins=[given]), "GET", "/health", headers={"Origin": sent})
    assert answer.headers["access-control-allow-origin"] == sent


@pytest.mark.parametrize("given", ["example.org", "https://", "ftp://a", "null", "https://a:b", ""])
def test_what_is_no_origin_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match=r"must be like https://example\.org"):
        app(cors_origins=[given])


def test_an_origin_with_a_path_is_shown_without() -> None:
    with pytest.raises(ConfigError, match=r"has no path: write https://example\.org$"):
        app(cors_origins=["https://example.org/app/"])


def test_a_page_can_read_what_the_guard_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = app(cors_origins=["https://example.org"], hosts={"localhost"})
    large = {"Content-Length": str(10**9)} | ORIGIN
    answers = [
        ask(opened, "GET", "/health", headers=ORIGIN | {"Host": "evil.example"}),
        ask(opened, "POST", "/generate", headers=large),
    ]
    monkeypatch.setattr(limits, "MAX_REQUESTS", 0)
    answers.append(ask(opened, "GET", "/health", headers=ORIGIN))
    assert [answer.status_code for answer in answers] == [421, 413, 503]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == "https://example.org"
        assert "Retry-After" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("[::1]:8000", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("", 421),
        ("[", 421),
    ],
)
def test_only_known_host_names_are_answered(host: str, status: int) -> None:
    guarded = app(hosts={"localhost", "127.0.0.1", "::1"})
    assert ask(guarded, "GET", "/health", headers={"Host": host}).status_code == status


# --- the explorer ---------------------------------------------------------------------------------


def test_the_explorer_is_served(site: Path) -> None:
    application = app(site_path=site)
    page = ask(application, "GET", "/")
    assert page.text == HTML
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == CHECK_FIRST
    for name, kind in (
        ("index-1a2b.js", "text/javascript"),
        ("kernel-3c.wasm", "application/wasm"),
        ("outfit.woff2", "font/woff2"),
    ):
        answer = ask(application, "GET", f"/assets/{name}")
        assert answer.headers["content-type"].split(";")[0] == kind
        assert answer.headers["cache-control"] == FOREVER
    script = ask(application, "GET", "/assets/index-1a2b.js")
    assert script.headers["content-encoding"] == "gzip"
    model = ask(application, "GET", "/models/ten.json")
    assert model.headers["cache-control"] == CHECK_FIRST


def test_the_api_is_not_hidden_by_the_explorer(site: Path) -> None:
    (site / "health").write_text("not this")
    (site / "model.json").write_text("not this")
    assert ask(app(site_path=site), "GET", "/health").json()["status"] == "ok"
    assert ask(app(site_path=site), "GET", "/model.json").json()["format"] == "glassgpt-model"


def test_without_the_explorer_the_page_says_so(tmp_path: Path) -> None:
    answer = ask(app(site_path=tmp_path), "GET", "/")
    assert answer.status_code == 404
    assert "`make web` builds it" in answer.json()["error"]
