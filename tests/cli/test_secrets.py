"""A secret put anywhere into input, or sent back by whoever is asked, never appears in any output."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import run, run_by
from tests.hostile import AWS_KEY, ESCAPES, KEY, PLACES, SECRETS, TOKEN, TRANSPORT, forms, hostile, leaked

pytestmark = pytest.mark.usefixtures("in_tmp")

TENANTS = f"""
[[tenant]]
id = "acme"
credentials = {{ bearer = "{TOKEN}" }}
[[tenant]]
id = "globex"
credentials = {{ basic = "user:{TOKEN}" }}
"""


def asked(url: str, command: str, client: str, *options: str) -> str:
    """Everything that a run against this server shows and stores, and that every report says of it."""
    Path("t.toml").write_text(TENANTS)
    Path("h.jsonl").unlink(missing_ok=True)
    common: tuple[str, ...] = (
        "--history",
        "h.jsonl",
        "--plan",
        "quick",
        "--max-requests",
        "80",
        "--show-errors",
        "--keep-going",
    )
    common += ("--format", "text", "--report", "plain=r.txt", "--report", "json=r.json")
    arguments: tuple[str, ...]
    environ = {"AWS_ACCESS_KEY_ID": "hunter2-access-key", "AWS_SECRET_ACCESS_KEY": AWS_KEY, "AWS_REGION": "us-east-1"}
    if command == "probe":
        target = url.replace("://", f"://user:{KEY_IN_URL}@") + f"/?key={KEY_IN_URL}&{KEY_IN_URL}"
        arguments = ("probe", target, "--tenants", "@t.toml", "-H", f"X-Key: {TOKEN}", "-d", f'{{"k": "{KEY}"}}')
    else:
        arguments = ("invoke", "f", "--endpoint-url", url, "--payload", f'{{"k": "{KEY}"}}')
    result = run_by(client, *arguments, *common, *options, **environ)
    assert "Traceback" not in result.stderr, result.stderr
    assert "bug" not in result.stderr, result.stderr
    written = (Path(name).read_text() for name in ("h.jsonl", "r.txt", "r.json"))
    return "".join([result.stdout, result.stderr, *written])


KEY_IN_URL = "hunter2%2Fkey%2Bin%3Dthe%20url"


#: Both clients have words of their own for what is no HTTP.
CLIENTS = [("fast", name) for name in PLACES] + [("httpx", name) for name in TRANSPORT]


@pytest.mark.parametrize(("client", "place"), CLIENTS)
@pytest.mark.parametrize("command", ["probe", "invoke"])
def test_what_is_sent_back_is_not_kept(place: str, command: str, client: str) -> None:
    """
    Given a service that quotes, in one place of its answers, everything it was told, as it is and encoded
    When a run records and reports that, with the service's own words on the terminal
    Then no secret is in anything, and nothing steers the terminal.
    """
    text = ESCAPES + " ".join(form for secret in SECRETS for form in forms(secret))
    with hostile(PLACES[place], text) as server:
        output = asked(server.url, command, client)
    assert leaked(output) == []
    assert not set(output) & set("\x1b\x9b\u202e\u2028\x07")


@pytest.mark.parametrize(("command", "secret"), [("probe", TOKEN), ("probe", KEY), ("invoke", AWS_KEY)])
def test_a_bare_secret_in_a_place_that_would_be_kept(command: str, secret: str) -> None:
    """The text is that secret and nothing else, so that it could be an id or a word."""
    for place in ("tenantId", "request id", "error type"):
        with hostile(PLACES[place], secret) as server:
            assert leaked(asked(server.url, command, "fast")) == []


URLS = (
    f"http://user:{TOKEN}@host:99999/",
    f"http://user:{TOKEN}@exa\u2100mple/",
    f"user:{TOKEN}@host/",
    f"http:/user:{TOKEN}@host/",
    f"http://user:{TOKEN}#@host/",
    f"http://user:{TOKEN}?@host/",
    f"http://[user:{TOKEN}@host/",
    f"ftp://user:{TOKEN}@host/",
    f"http://user:{TOKEN} @host/",
    f"http://user:{TOKEN}@/",
)


@pytest.mark.parametrize("debug", [(), ("--debug",)])
@pytest.mark.parametrize("url", URLS)
def test_a_url_that_can_not_be_read_is_not_quoted(url: str, debug: tuple[str, ...]) -> None:
    for arguments in (("probe", url), ("invoke", "f", "--endpoint-url", url, "--region", "us-east-1")):
        result = run(*debug, *arguments, AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y")
        assert result.returncode == (1 if debug else 2), result.stderr
        assert leaked(result.stdout + result.stderr) == []


def test_a_user_in_the_endpoint_is_refused() -> None:
    """A client would sign in as that one, instead of by SigV4."""
    result = run("invoke", "f", "--endpoint-url", f"http://user:{TOKEN}@127.0.0.1:1", "--region", "us-east-1")
    assert result.returncode == 2
    assert "--endpoint-url has a user" in result.stderr
    assert TOKEN not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("probe", "http://127.0.0.1:1", "-H", f"Authorization {TOKEN}"),
        ("probe", "http://127.0.0.1:1", "-H", f"Authorization: {TOKEN}\x1b"),
        ("probe", "http://127.0.0.1:1", "--nonce", "body:n", "-d", f"[{TOKEN}]"),
        ("probe", f"http://127.0.0.1:1/?{TOKEN}", "--dry-run"),
        ("probe", f"http://127.0.0.1:1/?k={TOKEN}", "--dry-run"),
        ("invoke", "f", "--payload", f"{{{TOKEN}"),
        (TOKEN,),
        ("probe", "http://127.0.0.1:1", TOKEN),
    ],
)
def test_input_that_is_wrong_or_shown_is_not_quoted(arguments: tuple[str, ...]) -> None:
    result = run(*arguments, AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y")
    assert leaked(result.stdout + result.stderr) == []


@pytest.mark.parametrize("client", ["fast", "httpx"])
def test_a_proxy_s_own_words(client: str) -> None:
    """A proxy that quotes the password in its reason phrase."""
    with hostile(lambda *_: f"HTTP/1.1 407 {TOKEN}\r\ncontent-length: 0\r\n\r\n".encode(), "") as proxy:
        address = proxy.url.replace("://", f"://user:{TOKEN}@")
        for url in ("http://example.test/", "https://example.test/"):
            proxies = {"http_proxy": address, "https_proxy": address}
            words = ("-q", "probe", url, "--show-errors", "--plan", "quick")
            result = run_by(client, *words, **proxies)
            assert leaked(result.stdout + result.stderr) == []
            assert "407" in result.stdout + result.stderr
    assert all(TOKEN not in path.read_text() for path in Path(".tenantcheck").glob("*.jsonl"))


def test_words_of_others_are_shown_when_asked_for() -> None:
    with hostile(PLACES["message"], "The pet shop is closed,") as server:
        quiet = run("-q", "probe", server.url, "--plan", "quick")
        shown = run("-q", "probe", server.url, "--plan", "quick", "--show-errors")
    assert "pet shop" not in quiet.stdout + quiet.stderr
    assert "403: The pet shop is closed, Forbidden" in shown.stderr
    assert all("pet shop" not in path.read_text() for path in Path(".tenantcheck").glob("*.jsonl"))
