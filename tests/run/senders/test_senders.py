"""Both senders by one suite: same behaviour, and an error is a kind of reply."""

from __future__ import annotations

import asyncio
import base64
import gzip
import ssl
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from tenantcheck.errors import UsageError
from tenantcheck.model import Call, Reply
from tenantcheck.run.senders import MAX_BODY_BYTES, ConnectsAhead, Sender, SenderSettings, open_sender
from tenantcheck.run.senders.curl_sender import CurlSender
from tenantcheck.run.senders.httpx_sender import HttpxSender
from tenantcheck.run.senders.sender import LEAST_CONNECTIONS, MAX_PIECES, Room
from tenantcheck.run.senders.sockets import SelectorSockets
from tests.servers import CHUNKS_BESIDE_A_LENGTH, Answer, RawServer, always, dropped, endless, response, silent

Open = Callable[[SenderSettings, str], Sender]
SENDERS: dict[str, Open] = {
    "httpx": HttpxSender,
    "curl": CurlSender,
    "curl without epoll": lambda settings, url: CurlSender(settings, url, SelectorSockets),
}
both = pytest.mark.parametrize("open_", SENDERS.values(), ids=SENDERS)


def send(open_: Open, *calls: Call, connect: int = 0, **settings: Any) -> list[Reply]:
    """Send calls together over one sender."""

    async def go() -> list[Reply]:
        sender = open_(SenderSettings(**{"timeout_s": 5.0} | settings), calls[0].url)
        try:
            if isinstance(sender, ConnectsAhead):
                await sender.connect(calls[0].url, connect)
            return list(await asyncio.gather(*(sender.send(call) for call in calls)))
        finally:
            await sender.close()

    return asyncio.run(go())


def get(url: str, **parts: Any) -> Call:
    return Call(method="GET", url=url, **parts)


@both
def test_a_request_arrives_as_it_was_prepared(open_: Open) -> None:
    """
    Given a call with method, query, headers and body
    When it is sent
    Then the server sees just these, our User-Agent, and no offer to compress.
    """
    with RawServer(always(response(b"yes", headers="x-two: 1\r\nx-two: 2\r\n"))) as server:
        call = Call(method="POST", url=f"{server.url}/p%2Fq?a=b%20c", headers=(("X-Tenant-Id", "a"),), body=b"body")
        (reply,) = send(open_, call)
    assert (reply.status, reply.body, reply.truncated) == (200, b"yes", False)
    assert [value for name, value in reply.headers if name.lower() == "x-two"] == ["1", "2"]
    assert reply.first_byte_ns is not None
    head = server.requests[0].lower()
    assert head.startswith(b"post /p%2fq?a=b%20c http/1.1\r\n")
    assert b"x-tenant-id: a\r\n" in head
    assert b"user-agent: tenantcheck/" in head
    assert b"gzip" not in head
    assert head.endswith(b"\r\n\r\nbody")


@both
def test_redirects_are_not_followed_and_nothing_is_sent_again(open_: Open) -> None:
    with RawServer(always(response(b"", status="302 Found", headers="location: /other\r\n"))) as server:
        (reply,) = send(open_, get(server.url))
    assert (reply.status, len(server.requests)) == (302, 1)


HOSTILE: dict[str, Answer] = {
    "50 MB": always(response(b"x" * (50 << 20))),
    "endless": endless,
    "gzip bomb": always(response(gzip.compress(b"x" * (200 << 20)), headers="content-encoding: gzip\r\n")),
    "deflate bomb": always(response(zlib.compress(b"x" * (200 << 20)), headers="content-encoding: deflate\r\n")),
}


@both
@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_bodies_are_bounded(open_: Open, answer: Answer) -> None:
    with RawServer(answer) as server:
        (reply,) = send(open_, get(server.url))
    assert (reply.status, len(reply.body), reply.truncated) == (200, MAX_BODY_BYTES, True)


@both
@pytest.mark.parametrize("surplus", [response(b"not asked for"), b"junk", b"\r\n"])
def test_what_comes_behind_an_answer_is_never_taken_for_the_next(open_: Open, surplus: bytes) -> None:
    """
    Given a server that sends more than the response, in the same piece
    When requests follow one after the other
    Then each is answered by what was sent for it, over a connection on which nothing was left.
    """
    number = 0

    async def numbered(_: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal number
        number += 1
        writer.write(response(b"%d" % number) + surplus)

    async def one_by_one(url: str) -> list[bytes]:
        sender = open_(SenderSettings(timeout_s=5.0), url)
        try:
            return [(await sender.send(get(url))).body for _ in range(12)]
        finally:
            await sender.close()

    with RawServer(numbered) as server:
        assert asyncio.run(one_by_one(server.url)) == [b"%d" % n for n in range(1, 13)]


async def _crumbs(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n")


@both
def test_a_body_in_single_bytes_is_cut(open_: Open) -> None:
    with RawServer(_crumbs) as server:
        (reply,) = send(open_, get(server.url))
    assert (reply.status, reply.truncated) == (200, True)
    assert 0 < len(reply.body) <= MAX_PIECES


@both
@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000,
        b"HTTP/1.1 200 OK\r\na: " + b"b" * 200_000,
    ],
    ids=["interim answers", "many headers", "a long header"],
)
def test_headers_are_bounded(open_: Open, head: bytes) -> None:
    """An answer with more of them than anybody sends is none, or is read within bounds."""
    with RawServer(always(head + b"\r\ncontent-length: 0\r\n\r\n")) as server:
        (reply,) = send(open_, get(server.url), timeout_s=1.0)
    assert reply.error_kind in ("protocol", "timeout", "read")
    assert reply.body == b""


@both
def test_all_bodies_in_flight_share_one_room(open_: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Given more answers of a mebibyte together than there are places for large ones
    When they are read
    Then each is whole, and no more of them than places were ever held.
    """
    held = most = 0

    def take(room: Room, when_free: Callable[[], None]) -> bool:
        nonlocal held, most
        got = true_take(room, when_free)
        held += got
        most = max(most, held)
        return got

    def give(room: Room) -> None:
        nonlocal held
        held -= not room._waiting
        true_give(room)

    true_take, true_give = Room.take, Room.give
    monkeypatch.setattr(Room, "take", take)
    monkeypatch.setattr(Room, "give", give)
    monkeypatch.setattr(Room, "_LARGE", 3)
    with RawServer(always(response(b"x" * MAX_BODY_BYTES))) as server:
        replies = send(open_, *[get(server.url) for _ in range(40)], timeout_s=30.0)
    assert [(len(reply.body), reply.truncated) for reply in replies] == [(MAX_BODY_BYTES, False)] * 40
    assert (most, held) == (3, 0)


@both
def test_who_waits_for_room_still_times_out(open_: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    async def halting(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 900000\r\n\r\n" + b"x" * 800_000)

    monkeypatch.setattr(Room, "_LARGE", 1)
    with RawServer(halting) as server:
        replies = send(open_, *[get(server.url) for _ in range(4)], timeout_s=1.0)
    assert [reply.error_kind for reply in replies] == ["timeout"] * 4


def test_a_length_beside_chunks_bounds_nothing() -> None:
    """The other sender's parser refuses such a response."""
    with RawServer(always(CHUNKS_BESIDE_A_LENGTH)) as server:
        (reply,) = send(CurlSender, get(server.url))
    assert (reply.status, len(reply.body), reply.truncated) == (200, MAX_BODY_BYTES, True)


@both
def test_a_server_that_compresses_all_the_same_is_read(open_: Open) -> None:
    answer = response(gzip.compress(b'{"a": 1}'), headers="content-encoding: gzip\r\n")
    with RawServer(always(answer)) as server:
        (reply,) = send(open_, get(server.url))
    assert (reply.body, reply.truncated) == (b'{"a": 1}', False)


@both
def test_broken_compression_is_an_empty_cut_body(open_: Open) -> None:
    with RawServer(always(response(b"not gzip", headers="content-encoding: gzip\r\n"))) as server:
        (reply,) = send(open_, get(server.url))
    assert (reply.status, reply.body, reply.truncated) == (200, b"", True)


@both
@pytest.mark.parametrize(
    ("answer", "kind"),
    [(silent, "timeout"), (dropped, "read"), (always(b"SSH-2.0-OpenSSH\r\n\r\n"), "read")],
    ids=["silent", "dropped", "no HTTP"],
)
def test_errors_are_replies(open_: Open, answer: Answer, kind: str) -> None:
    with RawServer(answer) as server:
        (reply,) = send(open_, get(f"{server.url}/?key=hunter2"), timeout_s=0.5)
    assert reply.status is None
    assert reply.error_kind in (kind, "protocol")
    assert "hunter2" not in reply.error_text


@both
@pytest.mark.parametrize(
    "call",
    [
        Call(method="GET", url="http://127.0.0.1:99999/?key=hunter2"),
        Call(method="P\u00d6ST", url="http://127.0.0.1:1/?key=hunter2"),
        Call(method="GET", url="http://127.0.0.1:1/", headers=(("x-key", "hunter2\r\n"),)),
        Call(method="GET", url="http://[::1/?key=hunter2"),
    ],
    ids=["port", "method", "header", "host"],
)
def test_what_can_not_be_sent_is_a_reply_too(open_: Open, call: Call) -> None:
    async def go() -> Reply:
        sender = open_(SenderSettings(), "http://127.0.0.1:1/")
        try:
            return await sender.send(call)
        finally:
            await sender.close()

    reply = asyncio.run(go())
    assert reply.status is None
    assert reply.error_kind
    assert "hunter2" not in reply.error_text


@both
@pytest.mark.parametrize("url", ["http://127.0.0.1:1/?key=hunter2", "http://host.invalid/?key=hunter2"])
def test_nobody_there(open_: Open, url: str) -> None:
    (reply,) = send(open_, get(url))
    assert (reply.status, reply.error_kind) == (None, "connect")
    assert "hunter2" not in reply.error_text


@both
def test_connections_are_kept_and_shared(open_: Open) -> None:
    with RawServer(always(response(b"ok"))) as server:

        async def go() -> None:
            sender = open_(SenderSettings(), server.url)
            for _ in range(100):
                assert (await sender.send(get(server.url))).status == 200
            await sender.close()

        asyncio.run(go())
    assert server.connections == LEAST_CONNECTIONS


async def _own_number(request: bytes, writer: asyncio.StreamWriter) -> None:
    """Answers with the client's port, which names the connection."""
    writer.write(response(str(writer.get_extra_info("peername")[1]).encode()))


@both
@pytest.mark.parametrize("ahead", [0, 1, 20])
def test_each_request_draws_its_connection_at_random_among_eight(open_: Open, ahead: int) -> None:
    """
    Given a layer-4 balancer, which pins each connection to a backend
    When requests are sent one after the other
    Then they use at least eight connections, each about as often, in no order.
    """
    with RawServer(_own_number) as server:

        async def go() -> list[bytes]:
            sender = open_(SenderSettings(), server.url)
            if ahead and isinstance(sender, ConnectsAhead):
                await sender.connect(server.url, ahead)
            bodies = [(await sender.send(get(server.url))).body for _ in range(240)]
            await sender.close()
            return bodies

        used = asyncio.run(go())
    counts = Counter(used)
    assert len(counts) >= LEAST_CONNECTIONS
    assert max(counts.values()) < 240 * 3 / LEAST_CONNECTIONS
    again = sum(one == other for one, other in pairwise(used))
    assert 0 < again < 240 * 3 / LEAST_CONNECTIONS


@both
@pytest.mark.parametrize("domain", ["", "; Domain=127.0.0.1"])
def test_what_an_endpoint_sets_is_never_sent_back(open_: Open, domain: str) -> None:
    """
    Given an endpoint with session cookies, and a tenant whose own credential is a cookie
    When requests follow its answer
    Then they carry the tenant's cookie, and nothing that was set.
    """
    headers = f'set-cookie: session=hunter2; Path=/{domain}\r\nalt-svc: h2=":1"\r\n'
    with RawServer(always(response(b"ok", headers=headers))) as server:

        async def go() -> None:
            sender = open_(SenderSettings(), server.url)
            for _ in range(20):
                await sender.send(get(server.url))
            await sender.send(get(server.url, headers=(("Cookie", "own=1"),)))
            await sender.close()

        asyncio.run(go())
    assert not any(b"hunter2" in request for request in server.requests)
    assert [request for request in server.requests if b"cookie" in request.lower()] == [server.requests[-1]]
    assert b"cookie: own=1\r\n" in server.requests[-1].replace(b"Cookie", b"cookie")


@both
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_is_not_sent_again_when_its_connection_ends(open_: Open, method: str) -> None:
    """
    Given a server that answers the first request of a connection, and closes on the second without an answer
    When requests are sent one after the other
    Then it has seen each of them once, and the second ones are lost: a function may have run.
    """
    answered: list[asyncio.StreamWriter] = []

    async def once(_: bytes, writer: asyncio.StreamWriter) -> None:
        if writer in answered:
            writer.close()
        else:
            answered.append(writer)
            writer.write(response(b"ok"))

    with RawServer(once) as server:

        async def go() -> list[Reply]:
            sender = open_(SenderSettings(), server.url)
            body = b"{}" if method == "POST" else b""
            replies = [await sender.send(Call(method=method, url=f"{server.url}/{n}", body=body)) for n in range(40)]
            await sender.close()
            return replies

        replies = asyncio.run(go())
    lost = [reply.error_kind for reply in replies if reply.status is None]
    assert lost
    assert set(lost) <= {"read", "protocol"}
    assert [request.split(b" ")[1] for request in server.requests] == [b"/%d" % n for n in range(40)]


def one_after_the_other(open_: Open, answer: Answer) -> tuple[list[Reply], list[bytes]]:
    """Replies to three POSTs, each sent when the server has done all that it does on the one before; and what the
    server saw."""
    with RawServer(answer) as server:

        async def go() -> list[Reply]:
            sender = open_(SenderSettings(), server.url)
            replies = []
            for n in range(3):
                replies.append(await sender.send(Call(method="POST", url=f"{server.url}/{n}", body=b"{}")))
                for _ in range(500):
                    await asyncio.sleep(0.01)
                    if server.answered > n:
                        break
                await asyncio.sleep(0.01)  # what came is taken in
                if isinstance(sender, ConnectsAhead):
                    await sender.connect(server.url, 1)
            await sender.close()
            return replies

        return asyncio.run(go()), server.requests


async def closed(_: bytes, writer: asyncio.StreamWriter) -> None:
    """Ends the connection without having said so."""
    writer.write(response(b"ok"))
    writer.close()


async def half_closed(_: bytes, writer: asyncio.StreamWriter) -> None:
    """Ends its own side of the connection, and reads on."""
    writer.write(response(b"ok"))
    writer.write_eof()


async def too_much(_: bytes, writer: asyncio.StreamWriter) -> None:
    """An answer, and later one more that nobody asked for."""
    writer.write(response(b"ok"))
    await asyncio.sleep(0.1)
    writer.write(response(b"stale", status="408 Request Timeout"))


@both
@pytest.mark.parametrize("answer", [closed, half_closed, too_much])
def test_a_connection_on_which_something_came_while_it_was_idle_is_not_used(open_: Open, answer: Answer) -> None:
    replies, requests = one_after_the_other(open_, answer)
    assert [(reply.status, reply.body) for reply in replies] == [(200, b"ok")] * 3
    assert [request.split(b" ")[1] for request in requests] == [b"/0", b"/1", b"/2"]


@both
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_request_without_a_body_says_so(open_: Open, method: str) -> None:
    with RawServer(always(response(b"ok"))) as server:
        assert send(open_, Call(method=method, url=server.url))[0].status == 200
    assert b"\r\ncontent-length: 0\r\n" in server.requests[0].lower()


def test_bare_line_feeds_end_headers_too_and_trailers_are_none() -> None:
    """The other sender's parser refuses the first."""
    bare = b"HTTP/1.1 200 OK\nContent-Length: 2\nx-amz-function-error: Unhandled\n\nok"
    trailers = (
        b"HTTP/1.1 103 Early\r\nx-early: 1\r\n\r\nHTTP/1.1 200 OK\r\nage: 9\r\nHTTP/evil: 1\r\n"
        b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\ncontent-encoding: gzip\r\n\r\n"
    )
    for answer, name, value in ((bare, "x-amz-function-error", "Unhandled"), (trailers, "age", "9")):
        with RawServer(always(answer)) as server:
            (reply,) = send(CurlSender, get(server.url))
        assert (reply.body, reply.header(name), reply.header("x-early")) == (b"ok", value, None)
        assert reply.header("content-encoding") is None


@both
def test_bodies_go_with_every_method_and_headers_may_be_empty(open_: Open) -> None:
    with RawServer(always(response(b"ok"))) as server:
        for method in ("GET", "PATCH"):
            call = Call(method=method, url=server.url, headers=(("x-empty", ""), ("x-tenant-id", "a")), body=b"{}")
            assert send(open_, call, call)[1].status == 200
    assert len(server.requests) == 4
    for method, request in zip(["get", "get", "patch", "patch"], server.requests, strict=True):
        head = request.lower()
        assert head.startswith(f"{method} / http/1.1\r\n".encode())
        assert b"\r\nx-empty:" in head
        assert b"content-type" not in head
        assert b"expect" not in head
        assert head.endswith(b"\r\n\r\n{}")


@both
def test_nothing_of_a_request_is_left_in_the_next(open_: Open) -> None:
    with RawServer(always(response(b"ok"))) as server:

        async def go() -> None:
            sender = open_(SenderSettings(), server.url)
            for headers in ((("x-tenant-id", "a"),), ()):
                await sender.send(get(f"{server.url}/?n={len(headers)}", headers=headers))
            await sender.close()

        asyncio.run(go())
    one, other = server.requests
    assert (b"x-tenant-id" in one, b"x-tenant-id" in other) == (True, False)
    assert other.startswith(b"GET /?n=0 ")


@both
def test_informational_responses_are_passed_over(open_: Open) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nx-early: 1\r\n\r\n"
    with RawServer(always(early + response(b"ok", headers="x-late:  b c \r\n"))) as server:
        (reply,) = send(open_, get(server.url))
    assert (reply.status, reply.header("x-late"), reply.header("x-early")) == (200, "b c", None)


def test_what_is_in_flight_when_the_sender_closes_is_lost() -> None:
    with RawServer(silent) as server:

        async def go() -> Reply:
            sender = CurlSender(SenderSettings(), server.url)
            task = asyncio.ensure_future(sender.send(get(server.url)))
            await asyncio.wait([task], timeout=0.2)
            await sender.close()
            return await asyncio.wait_for(task, 1)

        assert asyncio.run(go()).error_kind == "read"


@both
def test_a_request_that_is_cancelled_ends(open_: Open) -> None:
    with RawServer(silent) as server:

        async def go() -> bool:
            sender = open_(SenderSettings(), server.url)
            task = asyncio.ensure_future(sender.send(get(server.url)))
            await asyncio.wait([task], timeout=0.2)
            task.cancel()
            await asyncio.wait([task])
            await sender.close()
            return task.cancelled()

        assert asyncio.run(go())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


class TestTls:
    @both
    def test_an_authority_can_be_named(
        self, open_: Open, authority: trustme.CA, tls: ssl.SSLContext, tmp_path: Path
    ) -> None:
        bundle = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(str(bundle))
        with RawServer(always(response(b"ok")), tls=tls) as server:
            replies = send(open_, *[get(server.url)] * 3, connect=3, cacert=bundle)
        assert [reply.status for reply in replies] == [200, 200, 200]

    @both
    def test_ssl_cert_file_is_trusted(
        self,
        open_: Open,
        authority: trustme.CA,
        tls: ssl.SSLContext,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        bundle = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(str(bundle))
        monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
        with RawServer(always(response(b"ok")), tls=tls) as server:
            assert send(open_, get(server.url))[0].status == 200

    @both
    def test_an_unknown_authority_is_refused(self, open_: Open, tls: ssl.SSLContext) -> None:
        with RawServer(always(response(b"ok")), tls=tls) as server:
            (reply,) = send(open_, get(server.url), connect=1)
        assert (reply.status, reply.error_kind) == (None, "tls")

    @both
    def test_unless_told_not_to_look(self, open_: Open, tls: ssl.SSLContext) -> None:
        with RawServer(always(response(b"ok")), tls=tls) as server:
            assert send(open_, get(server.url), insecure=True)[0].status == 200

    @both
    def test_a_bundle_that_is_not_there(self, open_: Open) -> None:
        with pytest.raises(UsageError, match="No such file"):
            send(open_, get("https://localhost/"), cacert=Path("/nope.pem"))


@both
def test_a_proxy_of_the_environment_is_used_unless_direct(open_: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(always(response(b"proxied"))) as proxy, RawServer(always(response(b"direct"))) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        assert send(open_, get(server.url))[0].body == b"proxied"
        assert send(open_, get(server.url), direct=True)[0].body == b"direct"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert send(open_, get(server.url))[0].body == b"direct"
    assert proxy.requests[0].startswith(f"GET {server.url}/ HTTP/1.1".encode())


@both
def test_a_proxy_is_asked_by_its_user(open_: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(always(response(b"proxied"))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("://", "://us%40er:hunter2@"))
        assert send(open_, get("http://x.test/"))[0].body == b"proxied"
    assert b"Basic " + base64.b64encode(b"us@er:hunter2") in proxy.requests[0]


@both
@pytest.mark.parametrize(
    "proxy", ["http://u:hunter2/y@127.0.0.1:1", "http://u:hunter2@h:99999", "junk://u:hunter2@h", "http://"]
)
def test_a_proxy_that_can_not_be_read_is_not_quoted(open_: Open, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(UsageError, match="can't be read") as raised:
        send(open_, get("http://x.test/"))
    assert "hunter2" not in f"{raised.value} {raised.value.hint}"


@both
def test_a_proxy_that_is_not_there_is_not_quoted(open_: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://u:s@hunter2@127.0.0.1:1")
    (reply,) = send(open_, get("http://x.test/"))
    assert (reply.error_kind, "hunter2" in reply.error_text) == ("connect", False)


def test_a_server_that_ends_connections_without_saying_so_costs_few_requests() -> None:
    """Its end of a connection arrives when the next request is on its way already."""

    async def one_each(_: bytes, writer: asyncio.StreamWriter) -> None:
        if writer in answered:
            writer.close()
        else:
            writer.write(response(b"ok"))
        answered.append(writer)

    answered: list[asyncio.StreamWriter] = []
    with RawServer(one_each) as server:

        async def go() -> list[int | None]:
            sender = CurlSender(SenderSettings(), server.url)
            replies = [await sender.send(get(server.url)) for _ in range(20)]
            await sender.close()
            return [reply.status for reply in replies]

        assert asyncio.run(go()).count(None) == 2
    assert len(server.requests) == 20


@both
def test_a_request_that_asks_to_close_its_connection_is_its_last(open_: Open) -> None:
    with RawServer(always(response(b"ok"))) as server:

        async def go() -> None:
            sender = open_(SenderSettings(), server.url)
            for _ in range(3):
                await sender.send(get(server.url, headers=(("Connection", "close"),)))
            await sender.close()

        asyncio.run(go())
    assert server.connections == 3


class TestConnectingAhead:
    def test_connections_are_open_before_a_wave(self) -> None:
        with RawServer(always(response(b"ok"))) as server:

            async def go() -> None:
                sender = HttpxSender(SenderSettings(), server.url)
                await sender.connect(server.url, 20)
                for _ in range(500):  # the kernel has connected; the server's thread has yet to accept
                    if server.connections == 20:
                        break
                    await asyncio.sleep(0.01)
                assert server.connections == 20
                await asyncio.gather(*(sender.send(get(server.url)) for _ in range(20)))
                await sender.connect(server.url, 20)
                await sender.close()

            asyncio.run(go())
        assert server.connections == 20

    def test_nobody_to_connect_to_is_left_for_the_request(self) -> None:
        (reply,) = send(HttpxSender, get("http://127.0.0.1:1/"), connect=2)
        assert reply.error_kind == "connect"


def test_any_httpx_transport_can_stand_behind_it() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, text=request.headers["x-tenant-id"]))

    async def go() -> Reply:
        sender = HttpxSender(SenderSettings(), transport=transport)
        reply = await sender.send(get("http://lab/", headers=(("x-tenant-id", "a"),)))
        await sender.close()
        return reply

    assert asyncio.run(go()).body == b"a"


def test_the_fast_sender_is_used_when_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async def kind() -> str:
        sender = open_sender(SenderSettings(), "http://127.0.0.1/")
        await sender.close()
        return type(sender).__name__

    assert asyncio.run(kind()) == "CurlSender"
    with monkeypatch.context() as patch:
        patch.delattr("pycurl.PREREQFUNCTION")  # before 7.45.7
        assert asyncio.run(kind()) == "HttpxSender"
    monkeypatch.setitem(sys.modules, "pycurl", None)
    assert asyncio.run(kind()) == "HttpxSender"
