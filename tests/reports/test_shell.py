"""Commands are quoted where they are shown, whatever a history says."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantcheck.model import HttpRepeat, InvokeRepeat, Named, Part
from tenantcheck.model.repeat import text, variable
from tenantcheck.reports.shell import command_line

ANY = st.text(st.characters(exclude_categories=["C", "Z", "M"], codec="utf-8"), max_size=30)
URL = (text("https://x.test/"),)


def options(**request: Any) -> str:
    """The command between curl and the URL."""
    line = command_line(HttpRepeat(**({"url": URL} | request)))
    assert line.startswith("curl -i ")
    assert line.endswith(" https://x.test/")
    return line.removeprefix("curl -i ").removesuffix("https://x.test/").strip()


@given(st.lists(st.tuples(ANY, ANY), min_size=1, max_size=4))
@settings(max_examples=60)
def test_a_shell_reads_back_every_word(pairs: list[tuple[str, str]]) -> None:
    headers = tuple(Named(name=one, value=(text(other),)) for one, other in pairs)
    line = command_line(HttpRepeat(url=URL, headers=headers))
    script = f'curl() {{ printf "%s\\0" "$@"; }}; {line}'
    words = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout.split(b"\0")[:-1]
    assert words[2:-1:2] == [f"{one}: {other}".encode() for one, other in pairs]


def test_nothing_runs_but_the_command(tmp_path: Path) -> None:
    hostile = f"x'; touch {tmp_path}/ran; $(touch {tmp_path}/ran) `touch {tmp_path}/ran` \" \\"
    named = Named(name=hostile, value=(text(hostile), Part(kind="variable", value=f"A}}$(touch {tmp_path}/ran)")))
    repeat = HttpRepeat(url=(text(hostile), variable("KEY")), query=(named,), headers=(named,), body=named.value)
    subprocess.run(["sh", "-c", f"curl() {{ :; }}; {command_line(repeat)}"], check=True)
    call = InvokeRepeat(function=hostile, qualifier=hostile, tenant=named.value, payload=named.value)
    subprocess.run(["sh", "-c", f"aws() {{ :; }}; {command_line(call)}"], check=True)
    assert not (tmp_path / "ran").exists()


def test_secrets_stand_as_variables_that_the_shell_fills_in() -> None:
    assert options(headers=(Named(name="x-key", value=(variable("X_KEY"),)),)) == "-H 'x-key: '\"${X_KEY}\""


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"method": "HEAD"}, "--head"),
        ({"method": "PUT"}, "-X PUT"),
        ({"body": (text("{}"),)}, "-X GET -d '{}'"),
        ({"method": "POST", "body": (variable("DATA"),)}, '-X POST -d "${DATA}"'),
    ],
    ids=["head", "another method", "a body with GET", "a body"],
)
def test_the_method_is_the_one_that_was_sent(request_: dict[str, Any], expected: str) -> None:
    """Of itself curl waits for the body of -X HEAD, and makes a POST of everything that has one."""
    assert options(**request_) == expected


def test_a_parameter_without_a_name_is_its_value() -> None:
    bare = HttpRepeat(url=URL, query=(Named(name="", value=(variable("QUERY"),)),))
    assert command_line(bare) == "curl -i 'https://x.test/?'\"${QUERY}\""


def test_curl_takes_brackets_as_they_are() -> None:
    command = command_line(HttpRepeat(url=(text("http://x.test/{a,b}"),)))
    assert command == "curl -i --globoff 'http://x.test/{a,b}'"


def test_a_signed_request() -> None:
    assert options(signed=True) == (
        '--aws-sigv4 aws:amz:"${AWS_REGION}":execute-api '
        '--user "${AWS_ACCESS_KEY_ID}":"${AWS_SECRET_ACCESS_KEY}" '
        "-H 'x-amz-security-token: '\"${AWS_SESSION_TOKEN}\""
    )
