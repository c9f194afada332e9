"""Every reader of input from outside: whatever it is given, no exception but this program's own, bounded work, and
nothing of a secret in what comes out."""

from __future__ import annotations

import base64
import copy
import io
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantcheck.cli.options import parse_idle, parse_required, parse_witness_paths
from tenantcheck.errors import HistoryError, TenantcheckError, UsageError
from tenantcheck.history import HistoryReader
from tenantcheck.judge import Judge
from tenantcheck.lab.pool import Pool
from tenantcheck.model import CACHE_HEADERS, SCHEDULE, Header, Reply
from tenantcheck.model import nonce as nonces
from tenantcheck.model.secrets import Secrets
from tenantcheck.model.text import ascii_json, harmless, printable
from tenantcheck.run.plan import parse_tenants
from tenantcheck.run.planning import parse_seed
from tenantcheck.run.redraw import Redraw
from tenantcheck.run.targets import kept_headers, media_type, service_message
from tenantcheck.run.targets.events import RAW, parse_event
from tenantcheck.run.targets.function import envelope
from tenantcheck.run.targets.http import HttpRequestSpec, HttpTarget, parse_header, parse_nonce_place
from tenantcheck.run.targets.log_tail import platform_record
from tenantcheck.run.targets.target import KEPT_HEADERS, error_word, known_saying
from tenantcheck.run.targets.urls import display_url
from tenantcheck.run.witness import WitnessReader
from tenantcheck.run.witness.reader import MAX_RESIDUE, MAX_TEXT
from tests.hostile import mutated
from tests.simulation import make_plan, simulate


def refused(parse: Callable[[], object]) -> UsageError | None:
    """How the program says that it can't take this; None where it can."""
    try:
        parse()
    except UsageError as error:
        return error
    return None


SECRET = "hunter2-s3cr3t/value"
OWN = nonces.tag("a")

#: Documents as they may come, with the names that mean something.
DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([SECRET, nonces.compose("0a1b2c3d", OWN, 1, "0" * 16), 10**400, "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("executionEnvironmentId", "sandboxId", "logStreamName", "invocationCount", "tenantId", "nonce"),
                    *(
                        "residue",
                        "memory",
                        "scratch",
                        "counter",
                        "tenant_id",
                        "statusCode",
                        "body",
                        "isBase64Encoded",
                    ),
                    *("message", "Message", "errorType", "type", "record", "requestId", "metrics", "durationMs"),
                ]
            )
            | st.text(max_size=8),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)
#: A text that has the secret somewhere, in one of the forms that others write.
QUOTING = st.builds(
    lambda before, form, behind: before + form + behind,
    st.text(max_size=10),
    st.sampled_from(
        [
            SECRET,
            quote(SECRET, safe=""),
            quote(SECRET, safe="").lower().replace("hunter2-s3cr3t", "hunter2-s3cr3t"),
            *(base64.b64encode(b"x" * n + SECRET.encode() + b"y" * n).decode() for n in range(3)),
            *(base64.urlsafe_b64encode(b"\xff" * n + SECRET.encode()).decode().rstrip("=") for n in range(3)),
        ]
    ),
    st.text(max_size=10),
)


def body_of(document: Any) -> bytes:
    return json.dumps(document).encode()


READERS = [
    WitnessReader(),
    WitnessReader({"executionEnvironmentId": "body.executionEnvironmentId", "tenantId": "*[].tenantId | [0]"}),
    WitnessReader({"sandboxId": "sort(keys(@))[0]", "invocationCount": "max(values(@))"}, Secrets([SECRET])),
]


@given(DOCUMENTS | st.binary(max_size=200), st.booleans(), st.lists(st.tuples(st.text(), st.text()), max_size=3))
def test_the_witness_reader(document: Any, unwrap: bool, headers: list[tuple[str, str]]) -> None:
    body = document if isinstance(document, bytes) else body_of(document)
    for reader in READERS:
        around = envelope(body) if unwrap else None
        reading = reader.read(body, headers, own_tag=OWN, inner=None if around is None else around.body)
        assert len(reading.seen) <= 2 * MAX_RESIDUE + 64 + 5
        if reading.witness is not None:
            texts = [value for value in msgspec.structs.astuple(reading.witness) if isinstance(value, str)]
            assert all(0 < len(text) <= MAX_TEXT for text in texts)


@given(QUOTING, st.sampled_from(["executionEnvironmentId", "sandboxId", "tenantId", "nonce", "residue", "body"]))
def test_the_witness_reader_keeps_no_secret(text: str, field: str) -> None:
    reader = WitnessReader(secrets=Secrets([SECRET]))
    for document in (
        {field: text},
        {field: text, "invocationCount": 3, "x": 1},
        {"statusCode": 1, "body": {field: text}},
    ):
        around = envelope(body_of(document))
        reading = reader.read(body_of(document), own_tag=OWN, inner=None if around is None else around.body)
        assert SECRET not in repr(reading.witness)
        assert not any(Secrets([SECRET]).found_in(part) for part in reading.errors)
        if reading.witness is not None:
            assert text not in msgspec.structs.astuple(reading.witness)


@given(QUOTING)
def test_secrets_are_found_in_every_form(text: str) -> None:
    secrets = Secrets([SECRET])
    assert secrets.found_in(text)
    assert secrets.found_in(f"{'z' * 300}{text}")


@given(st.text(max_size=40))
def test_nothing_is_found_where_nothing_is_secret(text: str) -> None:
    assert not Secrets().found_in(text)
    assert not Secrets([text], known=[text]).found_in(text)


@given(st.sampled_from([*KEPT_HEADERS, *CACHE_HEADERS, "content-type"]), st.text(max_size=80) | QUOTING)
def test_headers(name: str, value: str) -> None:
    secrets = Secrets([SECRET])
    kept = kept_headers(Reply(status=200, headers=((name, value),)), secrets)
    assert set(kept) <= {name}
    assert all(len(text) <= 72 and text.isascii() and not secrets.found_in(text) for text in kept.values())
    named = media_type(Reply(status=200, headers=((name, value),)), secrets)
    assert named is None or not secrets.found_in(named)


@given(DOCUMENTS | st.binary(max_size=200) | QUOTING)
def test_error_texts(document: Any) -> None:
    body = document if isinstance(document, bytes) else body_of(document)
    message = service_message(body)
    assert len(message) <= 1_000
    for text in (message, str(document)):
        saying, word = known_saying(text), error_word(text, Secrets([SECRET]))
        assert saying is None or SECRET not in saying
        assert word is None or (SECRET not in word and word.isascii() and len(word) <= 100)


@given(st.text(max_size=300) | DOCUMENTS.map(lambda d: json.dumps({"type": "platform.report", "record": d})))
def test_tails_of_logs(tail: str) -> None:
    record = platform_record(tail, Secrets([SECRET]))
    assert record is None or SECRET not in repr(record)
    numbers = "9" * 400, "1.2.3", "-1", ".", "1e5"
    for number in numbers:
        report = (
            f"REPORT RequestId: {'0' * 8}-0000-0000-0000-{'0' * 12}\tDuration: {number} ms\tInit Duration: 1 ms\n"
        )
        platform_record(tail + "\n" + report, Secrets())


@given(st.text(max_size=60), st.sampled_from(["t.toml", "t.txt"]), st.binary(max_size=60))
@settings(max_examples=300)
def test_tenants(text: str, name: str, raw: bytes) -> None:
    written = text.encode("utf-8", "replace")
    for content in (written, raw, b"[[tenant]]\nid = " + raw, b"[[tenant]]\n" + written):
        error = refused(partial(parse_tenants, f"@{name}", {name: content}))
        assert error is None or len(error.message) < 300
    refused(lambda: parse_tenants(text.lstrip("@")))


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_tenants_file_that_is_wrong_is_not_quoted(before: str, behind: str) -> None:
    for template in (
        '[[tenant]]\nid = "a"\ncredentials = {{ bearer = "{0}" {1} }}\n{2}',
        '[[tenant]]\nid = "a"\nheaders = {{ x-key = {1}"{0}" }}\n{2}',
        "{1}{0}{2}",
        '[[tenant]]\nid = "a"\n"{0}" = 1{1}{2}',
    ):
        content = template.format(SECRET, before, behind).encode("utf-8", "replace")
        error = refused(partial(parse_tenants, "@t.toml", {"t.toml": content}))
        if error is not None:
            assert SECRET not in f"{error.message} {error.hint} {error.__cause__}"


URL = st.text(max_size=40) | st.builds(
    lambda scheme, rest: scheme + rest,
    st.sampled_from(["http://", "https://", "http:/", "//", f"http://u:{SECRET}@", f"http://{SECRET}:x@h"]),
    st.text(max_size=30) | st.text(alphabet="abc@:/?#&={}[]%.1", max_size=30),
)


@given(URL)
@settings(max_examples=400)
def test_urls(url: str) -> None:
    """Of a URL with a user, nothing before the @ is ever shown."""
    for text in (url, f"http://user:{SECRET}@{url}", f"user:{SECRET}@{url}", f"http:/user:{SECRET}@{url}"):
        error = refused(partial(HttpTarget, HttpRequestSpec(url=text)))
        if error is not None:
            assert SECRET not in f"{error.message} {error.hint}"
            assert error.__cause__ is None
        elif "@" in text.partition("//")[2].partition("/")[0]:
            assert SECRET not in HttpTarget(HttpRequestSpec(url=text)).display
        display_url(text)


@given(st.text(max_size=40))
def test_options(text: str) -> None:
    for parse in (parse_idle, parse_seed, parse_header, parse_nonce_place, lambda t: parse_required((t,))):
        refused(partial(parse, text))
    refused(lambda: WitnessReader(parse_witness_paths((f"sandboxId={text}",))))
    refused(lambda: parse_event(RAW, text.encode("utf-8", "replace"), None))
    refused(lambda: parse_event(text, b"", None))
    with pytest.raises(UsageError) as raised:
        parse_header(f"Authorization {SECRET}{text}".replace(":", ""))
    assert SECRET not in raised.value.message


@given(st.text(max_size=60))
def test_what_is_shown(text: str) -> None:
    assert ascii_json(json.dumps(text, ensure_ascii=False)).isascii()
    assert json.loads(ascii_json(json.dumps(text, ensure_ascii=False))) == text
    for shown in (printable(text), harmless(text)):
        assert not set(shown) & set("\x1b\x9b\u202e\u2028\x7f\r")


@pytest.fixture(scope="module")
def history() -> bytes:
    """A whole history of a run of `invoke`, as it is written."""
    plan = make_plan(seed="5")
    result = simulate(plan, Pool(rng=random.Random(5)), rng=random.Random(5))
    encode = msgspec.json.encode
    records = [encode(Header(schedule=SCHEDULE, tool="t", started="", plan=plan))]
    records += [encode(o) for wave in result.waves for o in wave]
    return b"\n".join([*records, encode(result.end), b""])


def judged(raw: bytes) -> str:
    """The outcome of a history, or `refused`."""
    try:
        reader = HistoryReader(io.BytesIO(raw))
        judge, redraw = Judge(reader.header.plan), Redraw(reader.header.plan)
        for wave in reader.waves():
            judge.add(wave)
            redraw.add(wave)
    except HistoryError:
        return "refused"
    reason = reader.end.reason if reader.end is not None else None
    return judge.verdict(reader.header, reader.end, torn=reader.torn, altered=redraw.ended(reason)).outcome


@pytest.mark.no_cover  # it repeats what others do once
def test_mutated_histories(history: bytes) -> None:
    """A history that was changed is refused with its line, or judged; it never passes where requests are not those
    of its seed."""
    outcomes = set()
    for seed in range(200):
        raw = mutated(history, random.Random(seed))
        outcome = judged(raw)
        outcomes.add(outcome)
        if raw.count(b"\n") != history.count(b"\n"):
            assert outcome != "pass"
    assert "refused" in outcomes
    assert "inconclusive" in outcomes


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value in a document, with the keys that lead to it; of a list the first two."""
    children = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key), child
        yield from leaves_of(child, (*path, key))


def replaced(document: Any, path: tuple[Any, ...], value: object) -> Any:
    copied = copy.deepcopy(document)
    within = copied
    for key in path[:-1]:
        within = within[key]
    within[path[-1]] = value
    return copied


@pytest.mark.no_cover  # it repeats what others do once
def test_every_value_of_a_history_replaced(history: bytes) -> None:
    """
    Given a whole history
    When any one value of its header, of a record or of its end is another one
    Then it is refused, or judged: nothing in the judge takes a form for granted that no reader has looked at.
    """
    lines = history.splitlines(keepends=True)
    outcomes = Counter[str]()
    for number in (0, 40, len(lines) - 1):
        document = json.loads(lines[number])
        for path, value in leaves_of(document):
            others: list[object] = [None, -1, 1 << 70, 0.5, "", [], {}, "x" * 300]
            if isinstance(value, str) and value:
                others += [value[:at] + "{" + value[at + 1 :] for at in range(0, len(value), 9)]
            for other in others:
                changed = json.dumps(replaced(document, path, other)).encode() + b"\n"
                outcomes[judged(b"".join([*lines[:number], changed, *lines[number + 1 :]]))] += 1
    assert set(outcomes) <= {"refused", "inconclusive", "fail", "pass"}
    assert outcomes["refused"] > outcomes["pass"]


@given(st.binary(max_size=300))
def test_what_is_no_history(raw: bytes) -> None:
    with pytest.raises(TenantcheckError):
        HistoryReader(io.BytesIO(raw))
