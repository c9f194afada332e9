"""Answers that try to break the reader, to steer a terminal, or to have a secret stored: by name."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import random
from collections.abc import Callable
from urllib.parse import quote

from tests.servers import RawServer, response

MEBIBYTE = 1 << 20
#: What a run sends as secrets: a token, a key in the URL, and the secret key of AWS.
TOKEN = "hunter2-token-of-acme"
KEY = "hunter2/key+in=the url"
AWS_KEY = "hunter2-aws-secret-key"
SECRETS = (TOKEN, KEY, AWS_KEY)
ESCAPES = "\x1b[31mred\x9b0m\u202egnp\u2028next\x07"


def forms(secret: str) -> list[str]:
    """A secret as others may write it."""
    raw = secret.encode()
    return [
        secret,
        quote(secret, safe=""),
        base64.b64encode(raw).decode(),
        base64.b64encode(b"user:" + raw).decode(),
        base64.urlsafe_b64encode(b"x" + raw + b"tail").decode(),
    ]


def leaked(output: str) -> list[str]:
    """The secrets in an output, in whatever form."""
    text = output.replace("\\/", "/")
    marks = {form: secret for secret in SECRETS for form in (secret, quote(secret, safe=""))}
    for secret in SECRETS:
        for offset in range(3):
            encoded = base64.b64encode(b"\0" * offset + secret.encode()).decode()
            marks[encoded[-(-offset * 8 // 6) : (offset + len(secret)) * 8 // 6]] = secret
    return sorted({f"{secret} as {form}" for form, secret in marks.items() if form in text})


Make = Callable[[str, str], bytes]
"""From the nonce and a text to a whole response."""


def _document(**fields: object) -> Make:
    def make(nonce: str, text: str) -> bytes:
        filled = {name: text if value is ... else value for name, value in fields.items()}
        return response(json.dumps({"nonce": nonce, **filled}).encode())

    return make


def _error(status: str, headers: str = "", key: str = "message") -> Make:
    def make(_: str, text: str) -> bytes:
        lines = headers.format(text.replace("\r", " ").replace("\n", " "))
        return response(json.dumps({key: f"{text} Forbidden"}).encode(), status=status, headers=lines)

    return make


#: Where a text that somebody else wrote may stand.
PLACES: dict[str, Make] = {
    "message": _error("403 Forbidden"),
    "Message": _error("400 Bad Request", key="Message"),
    "a known message": lambda _, text: response(
        json.dumps({"message": f"Forbidden: {text}"}).encode(), status="403 Forbidden"
    ),
    "error type": _error("400 Bad Request", "x-amzn-errortype: {0}\r\n"),
    "function error": _error("200 OK", "x-amz-function-error: {0}\r\n", key="errorType"),
    "request id": _error("500 Internal Server Error", "x-amzn-requestid: {0}\r\nx-amz-cf-id: {0}\r\n"),
    "cache": _error("502 Bad Gateway", "x-cache: {0}\r\nage: {0}\r\nretry-after: {0}\r\ncf-cache-status: {0}\r\n"),
    "content type": lambda _, text: response(text.encode(), headers=f"content-type: text/{quote(text)}\r\n"),
    "reason phrase": lambda _, text: f"HTTP/1.1 407 {quote(text)}\r\ncontent-length: 0\r\n\r\n".encode(),
    "no HTTP": lambda _, text: f"{text}\r\n\r\n".encode(),
    "a broken header": lambda _, text: f"HTTP/1.1 200 OK\r\n{text}\r\ncontent-length: 0\r\n\r\n".encode(),
    "a broken chunk": lambda _, text: f"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{text}\r\n".encode(),
    "html": lambda _, text: response(f"<h1>{text}</h1>".encode(), status="403 Forbidden"),
    "tenantId": _document(executionEnvironmentId="e-1", tenantId=...),
    "executionEnvironmentId": _document(executionEnvironmentId=..., invocationCount=1),
    "sandboxId": _document(sandboxId=..., executionEnvironmentId="e-1"),
    "nonce": lambda _, text: response(json.dumps({"nonce": text, "executionEnvironmentId": "e-1"}).encode()),
    "names": lambda nonce, text: response(json.dumps({text: {text: nonce}}).encode()),
    "log tail": lambda nonce, text: response(
        json.dumps({"executionEnvironmentId": "e-1", "nonce": nonce}).encode(),
        headers=f"x-amz-log-result: {_tail(text)}\r\nx-amz-executed-version: {quote(text)}\r\n",
    ),
}


#: Those that a client reads in its own way.
TRANSPORT = ("reason phrase", "no HTTP", "a broken header", "a broken chunk")


def _tail(text: str) -> str:
    start = {"type": "platform.start", "record": {"requestId": text, "tenantId": text}}
    return base64.b64encode(f"{text}\n{json.dumps(start)}\n".encode()).decode()


#: 200 kB of lists, as an envelope holds them.
_PACKED = base64.b64encode(b"[" + b"[]," * 50_000 + b"[]]").decode()
#: Bodies of at most a mebibyte that cost most to look through.
HEAVY: dict[str, bytes] = {
    "percent signs": b"%" * MEBIBYTE,
    "percent prefixes": b"tck1%2" * (MEBIBYTE // 6),
    "base64 markers": base64.b64encode(b"tck1-").rstrip(b"=") * (MEBIBYTE // 7),
    "prefixes": b"tck1-" * (MEBIBYTE // 5),
    "lists": b"[" + b"[]," * (MEBIBYTE // 3 - 1) + b"[]]",
    "objects": b"[" + b"{}," * (MEBIBYTE // 3 - 1) + b"{}]",
    "depth": b"[" * MEBIBYTE,
    "digits": b"1" * MEBIBYTE,
    "spaces": b" " * MEBIBYTE,
    "gzip in base64": base64.b64encode(gzip.compress(b"[" + b"[]," * (MEBIBYTE // 3 - 1) + b"[]]")),
    "base64": base64.b64encode(b"[" + b"[]," * (MEBIBYTE // 4 - 1) + b"[]]"),
    "events": b"data: {}\n\n" * (MEBIBYTE // 10),
    "envelopes": json.dumps(dict.fromkeys(("data", "result", "body", "response", "witness"), _PACKED)).encode(),
}


def nonce_of(request: bytes) -> str:
    """The nonce of a raw request, wherever it stands."""
    at = request.find(b"tck1-")
    return request[at : at + 52].decode("latin-1") if at >= 0 else ""


def hostile(make: Make, text: str) -> RawServer:
    """A server that answers everything so."""

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(make(nonce_of(request), text))
        if not make(nonce_of(request), text).startswith(b"HTTP/1.1"):
            writer.close()

    return RawServer(answer)


def mutated(history: bytes, rng: random.Random) -> bytes:
    """A history with some of it changed: lines gone, doubled or swapped, bytes flipped, texts replaced."""
    lines = history.splitlines(keepends=True)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(lines))
        match rng.randrange(7):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, rng.choice(lines))
            case 2:
                lines[at], lines[-1] = lines[-1], lines[at]
            case 3:
                place = rng.randrange(len(lines[at]))
                lines[at] = lines[at][:place] + bytes([rng.randrange(256)]) + lines[at][place + 1 :]
            case 4:
                lines[at] = lines[at][: rng.randrange(len(lines[at]))]
            case 5:
                lines[at] = lines[at].replace(
                    b'"', b'"' + ESCAPES.encode("utf-8", "surrogatepass"), rng.randint(1, 9)
                )
            case _:
                number = str(rng.choice((-1, 10**30, "1" * 5_000, "1e999", "null"))).encode()
                lines[at] = lines[at].replace(b":1", b":" + number, 2)
        if not lines:
            return b""
    return b"".join(lines)
