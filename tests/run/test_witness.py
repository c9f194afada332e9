"""Reading responses: fields one by one, nonces wherever they hide, hostile bodies."""

from __future__ import annotations

import base64
import gzip
import json
import tracemalloc
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantcheck.errors import UsageError
from tenantcheck.model import Witness
from tenantcheck.model import nonce as nonces
from tenantcheck.run.targets.function import envelope
from tenantcheck.run.witness import WitnessReader, sightings
from tenantcheck.run.witness.reader import Reading
from tenantcheck.run.witness.sightings import MAX_PLACES, MAX_SEEN

OWN = nonces.tag("a")
MINE = nonces.compose("0a1b2c3d", OWN, 7, "0123456789abcdef")
FOREIGN = nonces.compose("0a1b2c3d", nonces.tag("b"), 8, "fedcba9876543210")


def unwrapped(body: Any) -> Reading:
    """As `invoke` reads the answer of a handler for API Gateway."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    around = envelope(raw)
    return read(raw, inner=None if around is None else around.body)


def read(body: Any, **options: Any) -> Reading:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    paths = options.pop("paths", {})
    return WitnessReader(paths).read(raw, options.pop("headers", ()), own_tag=OWN, **options)


#: Beginnings of nonces, as they may be hidden.
HIDDEN = {
    "percent": b"%74ck%31-",
    "percent with the plain one": b"tck1%2d",
    "base64": base64.b64encode(b"tck1-").rstrip(b"="),
    "base64 behind a byte": base64.b64encode(b"\0tck1-x"),
}

STREAM = "2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef"
FULL = {
    "executionEnvironmentId": "e1",
    "sandboxId": "s1",
    "logStreamName": STREAM,
    "invocationCount": 3,
    "tenantId": "a",
    "nonce": MINE,
    "residue": {"memory": [], "scratch": []},
}


#: What gateways and frameworks make of a body.
FORMS: dict[str, Callable[[bytes], bytes]] = {
    "byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "gzip": gzip.compress,
    "base64": base64.b64encode,
    "base64 for URLs": lambda body: base64.urlsafe_b64encode(body).rstrip(b"="),
    "base64 in lines": lambda body: base64.b64encode(body) + b"\r\n",
    "gzip in base64": lambda body: base64.b64encode(gzip.compress(body)),
    "base64 in a JSON text": lambda body: json.dumps(base64.b64encode(gzip.compress(body)).decode()).encode(),
    "a JSON text": lambda body: json.dumps(body.decode()).encode(),
    "a streamed answer": lambda body: b'{"statusCode":200,"headers":{"a":"b"}}' + b"\0" * 8 + body,
    "a streamed answer, zipped": lambda body: b"{}" + b"\0" * 8 + gzip.compress(body),
}


def test_every_field() -> None:
    assert read(FULL).witness == Witness(
        execution_environment_id="e1",
        sandbox_id="s1",
        log_stream_name=STREAM,
        invocation_count=3,
        tenant_id="a",
        nonce=MINE,
        residue_read=True,
    )


@pytest.mark.parametrize("nobody", [None, ""])
def test_a_tenant_that_is_null_or_empty_is_no_tenant(nobody: str | None) -> None:
    witness = read({"executionEnvironmentId": "e1", "tenantId": nobody}).witness
    assert witness == Witness(execution_environment_id="e1", tenant_null=True)


def test_a_counter_and_a_tenant_are_a_witness_without_identity() -> None:
    witness = read({"counter": 1, "tenant_id": "a"}).witness
    assert witness == Witness(invocation_count=1, tenant_id="a")
    assert witness.environment() is None


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("executionEnvironmentId", 5, "a number where text was expected"),
        ("executionEnvironmentId", "", "empty"),
        ("sandboxId", "x" * 257, "longer than 256 characters"),
        ("invocationCount", True, "true or false where a whole number was expected"),
        ("invocationCount", 1.5, "a number where a whole number was expected"),
        ("invocationCount", -1, "out of range"),
        ("logStreamName", "$LATEST", "not the name of a log stream of Lambda"),
        ("nonce", "x", "not a nonce of this program"),
        ("residue", [], "a list where an object was expected"),
        ("residue", {"memory": 5}, "memory is not a list"),
    ],
)
def test_a_wrong_type_loses_the_field_not_the_record(field: str, value: Any, reason: str) -> None:
    reading = read(FULL | {field: value})
    assert reading.errors == (f"{field}: {reason}",)
    assert reading.witness is not None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is empty"),
        (b"<html>", "the body is an HTML page"),
        (b'{"nonce": "\xff"}', "the body is not JSON"),
        (b"[" * 500_000, "the body is nested too deeply"),
        (b"[1]", None),
    ],
)
def test_no_witness_and_why(body: bytes, reason: str | None) -> None:
    assert read(body) == Reading(None, (reason,) if reason else (), ())


@given(st.binary(max_size=300))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    assert isinstance(read(body), Reading)
    assert isinstance(unwrapped(body), Reading)


def test_a_handler_for_api_gateway_is_unwrapped() -> None:
    body = {"statusCode": 201, "body": json.dumps(FULL)}
    assert unwrapped(body).witness == read(FULL).witness
    around = envelope(json.dumps(body).encode())
    assert around is not None
    assert around.status == 201
    assert envelope(json.dumps(body).replace("statusCode", "st\\u0061tusCode").encode()) == around
    encoded = {
        "statusCode": 200,
        "body": base64.b64encode(json.dumps(FULL).encode()).decode(),
        "isBase64Encoded": True,
    }
    assert unwrapped(encoded).witness == read(FULL).witness
    assert unwrapped({"statusCode": 200, "body": FULL}).witness == read(FULL).witness
    assert read(body).witness == read(FULL).witness  # a front that passes it on as it is


@pytest.mark.parametrize("body", [None, 5, "%%%"])
def test_an_unreadable_inner_body_is_no_witness(body: Any) -> None:
    assert unwrapped({"statusCode": 200, "body": body, "isBase64Encoded": True}).witness is None


class TestPaths:
    def test_fields_can_be_moved(self) -> None:
        paths = {"executionEnvironmentId": "meta.environment", "invocationCount": "meta.n[0]"}
        witness = read({"meta": {"environment": "e9", "n": [4]}}, paths=paths).witness
        assert witness == Witness(execution_environment_id="e9", invocation_count=4)

    def test_a_path_that_finds_nothing(self) -> None:
        assert read(FULL, paths={"sandboxId": "no.such.place"}).witness is not None

    def test_a_path_that_does_not_fit_the_document(self) -> None:
        assert read(FULL, paths={"sandboxId": "abs(nonce)"}).errors == ()

    def test_a_path_that_python_can_not_evaluate(self) -> None:
        document = {"executionEnvironmentId": "e1", "a": [{"b": 1}, {"b": "x"}]}
        assert read(document, paths={"sandboxId": "max_by(a, &b)"}).witness == Witness(execution_environment_id="e1")

    def test_an_unknown_field(self) -> None:
        with pytest.raises(UsageError, match="'colour' is not a witness field"):
            WitnessReader({"colour": "a"})

    @pytest.mark.parametrize(
        "expression", ["a..b[", "(" * 3_000 + "a" + ")" * 3_000, "a" + ".a" * 3_000, "[" * 1_900, "!" * 1_900 + "a"]
    )
    def test_a_broken_expression(self, expression: str) -> None:
        with pytest.raises(UsageError, match="JMESPath expression for sandboxId"):
            WitnessReader({"sandboxId": expression})

    def test_an_expression_that_walks_through_a_document_is_kept_from_large_ones(self) -> None:
        large = {"executionEnvironmentId": "e1", "a": [{"b": "s"}], "rest": "x" * (1 << 16)}
        reading = read(large, paths={"sandboxId": "a[].b | [0]"})
        assert reading.errors == ("sandboxId: the body is larger than this expression may search",)
        assert reading.witness == Witness(execution_environment_id="e1")
        assert read(large, paths={"sandboxId": "a[0].b"}).witness == Witness(
            execution_environment_id="e1", sandbox_id="s"
        )


class TestNonces:
    def test_places(self) -> None:
        body = FULL | {"residue": {"memory": [FOREIGN], "scratch": [MINE]}}
        assert [(seen.place, seen.nonce) for seen in read(body).seen] == [
            ("echo", MINE),
            ("residue-memory", FOREIGN),
        ]

    def test_what_stands_in_a_known_place_is_not_named_again(self) -> None:
        assert len(read({"nonce": FOREIGN}).seen) == 1

    @pytest.mark.parametrize("offset", range(4))
    @pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
    def test_base64_at_every_alignment(self, offset: int, encode: Any) -> None:
        hidden = encode(b"\xff" * offset + FOREIGN.encode() + b"tail").rstrip(b"=").decode()
        (seen,) = read({"x": ["deep", {"y": hidden}]}).seen
        assert (seen.nonce, seen.place, seen.encoding) == (FOREIGN, "body", "base64")

    def test_percent(self) -> None:
        hidden = "".join(f"%{ord(character):02x}" for character in FOREIGN)
        (seen,) = read({"x": hidden}).seen
        assert (seen.nonce, seen.encoding) == (FOREIGN, "percent")

    def test_headers(self) -> None:
        (seen,) = read(b"{}", headers=[("Set-Cookie", f"last={quote(FOREIGN)}")]).seen
        assert (seen.nonce, seen.place) == (FOREIGN, "header")

    def test_their_number_is_bounded(self) -> None:
        many = [nonces.compose("0a1b2c3d", nonces.tag("b"), n, "0" * 16) for n in range(200)]
        assert len(read({"x": many}).seen) == MAX_SEEN

    @pytest.mark.parametrize("encoding", HIDDEN)
    def test_so_is_the_work(self, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A body of nothing but beginnings of nonces: each place costs the same, and only so many are looked at."""
        looked_at = 0

        def found(text: bytes, *rest: Any) -> Any:
            nonlocal looked_at
            looked_at += 0 < len(text) < 1_000
            return whole(text, *rest)

        whole = sightings._found
        monkeypatch.setattr(sightings, "_found", found)
        read(HIDDEN[encoding] * ((1 << 20) // len(HIDDEN[encoding])))
        assert 0 < looked_at <= MAX_PLACES

    def test_behind_the_first_mebibyte_nothing_is_searched(self) -> None:
        assert read(b" " * (1 << 20) + FOREIGN.encode()).seen == ()

    @given(st.integers(0, 99_999_999), st.text(max_size=300))
    def test_every_nonce_is_found_and_names_its_tenant(self, seq: int, tenant: str) -> None:
        nonce = nonces.compose("0a1b2c3d", nonces.tag(tenant), seq, "0123456789abcdef")
        parsed = nonces.parse(nonce)
        assert parsed is not None
        assert (parsed.seq, parsed.tag, len(nonce)) == (seq, nonces.tag_of(nonce), nonces.LENGTH)
        assert nonces.parse(nonce + "0") is None


class TestWhereItStands:
    @pytest.mark.parametrize("key", ["data", "result", "body", "response", "witness"])
    @pytest.mark.parametrize("as_text", [False, True], ids=["an object", "text"])
    def test_in_an_envelope_of_a_framework(self, key: str, as_text: bool) -> None:
        inner = json.dumps(FULL) if as_text else FULL
        assert read({"ok": True, "tenantId": "front", key: inner}).witness == read(FULL).witness

    def test_in_an_envelope_within_another(self) -> None:
        assert read({"result": {"data": FULL}}).witness == read(FULL).witness
        assert read({"result": {"data": {"body": {"data": FULL}}}}).witness is None

    def test_in_the_one_field_of_a_query_that_has_one(self) -> None:
        assert read({"data": {"me": {"name": "x"}, "serving": FULL}}).witness == read(FULL).witness
        assert read({"data": {"one": FULL, "other": FULL}}).witness is None
        assert read({"me": FULL}).witness is None

    @pytest.mark.parametrize("form", FORMS)
    def test_under_every_encoding(self, form: str) -> None:
        body = FORMS[form](json.dumps(FULL | {"residue": {"memory": [FOREIGN]}}).encode())
        reading = read(body)
        assert reading.witness == read(FULL).witness
        assert [seen.nonce for seen in reading.seen] == [MINE, FOREIGN]
        assert read({"result": body.decode("latin-1")}).witness in (reading.witness, None)

    def test_in_the_first_event_that_has_one(self) -> None:
        first, second = json.dumps(FULL), json.dumps(FULL | {"nonce": FOREIGN})
        stream = f": x\n\ndata: 1\n\nevent: e\r\ndata: {first}\r\n\r\ndata: {second}"
        assert read(stream.encode()).witness == read(FULL).witness
        assert read(b"data: 1\n\n" * 2_000 + stream.encode()).witness is None

    def test_under_a_bomb_nothing_is_found(self) -> None:
        bomb = gzip.compress(gzip.compress(b"\0" * (64 << 20)))
        assert read(bomb).witness is None
        assert read(base64.b64encode(bomb)).errors == ("the body is not JSON",)

    def test_the_top_comes_first(self) -> None:
        witness = read({"sandboxId": "top", "data": {"sandboxId": "within"}}).witness
        assert witness is not None
        assert witness.sandbox_id == "top"

    def test_under_snake_case_names(self) -> None:
        snake = {
            "execution_environment_id": "e1",
            "sandbox_id": "s1",
            "log_stream_name": STREAM,
            "invocation_count": "3",
            "tenant_id": "a",
            "nonce": MINE,
            "residue": {"memory": [], "scratch": []},
        }
        assert read(snake) == read(FULL)

    @pytest.mark.parametrize(
        ("count", "why"),
        [("", "text where"), ("x", "text where"), ("1" * 17, "text where"), ("9" * 16, "out of range")],
    )
    def test_text_that_is_no_count(self, count: str, why: str) -> None:
        reading = read({"sandboxId": "s", "invocationCount": count})
        assert reading.errors[0].startswith(f"invocationCount: {why}")

    def test_under_one_key_of_ones_own(self) -> None:
        reader = WitnessReader({"tenantId": "whose"}, at="meta.witness")
        body = json.dumps({"meta": {"witness": FULL}, "whose": "b", "nonce": 5}).encode()
        witness = reader.read(body, own_tag=OWN).witness
        assert witness is not None
        assert (witness.sandbox_id, witness.tenant_id, witness.nonce) == ("s1", "b", MINE)
        assert reader.read(b'{"sandboxId": "top"}', own_tag=OWN).witness is None

    def test_a_broken_expression_for_it_is_wrong_usage(self) -> None:
        with pytest.raises(UsageError, match="the JMESPath expression for the witness can't be read"):
            WitnessReader(at="meta[")


@pytest.mark.parametrize(
    ("body", "headers", "why"),
    [
        (b"\x0b\x00", (("Content-Encoding", "br"),), "the body is compressed with br, which was not asked for"),
        (b"x" * (1 << 20), (), "the body is longer than the 1 MiB that is read"),
        (b"\n<!DOCTYPE html>", (), "the body is an HTML page"),
        (b"<html>", (), "the body is an HTML page"),
        (b"ok", (), "the body is not JSON"),
        (b"", (), "the body is empty"),
        (b'{"errors": [{"message": "no"}], "data": null}', (), "the answer has errors, in GraphQL's form"),
        (b'{"jsonrpc": "2.0", "error": {"code": 1}}', (), "the answer is an error, in JSON-RPC's form"),
    ],
)
def test_why_a_body_is_no_document(body: bytes, headers: Any, why: str) -> None:
    assert read(body, headers=headers).errors == (why,)


def test_what_small_texts_decode_to_is_bounded() -> None:
    """
    Given a stream of events, each with texts of a hundred bytes that hold a mebibyte in two layers of gzip
    When it is read
    Then no more is kept than a few times what is searched of a body.
    """
    bomb = gzip.compress(gzip.compress(b"x" * (1 << 20), mtime=0), mtime=0)
    text = base64.b64encode(bomb).decode()
    event = json.dumps(dict.fromkeys(("body", "data", "result", "response", "witness"), text))
    body = b"\n\n".join(f"data: {event}".encode() for _ in range(300))
    tracemalloc.start()
    try:
        assert WitnessReader().read(body, own_tag="").witness is None
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
