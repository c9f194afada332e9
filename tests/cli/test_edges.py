"""What the environment does to a command: full and closed streams, files that are none, too few descriptors. Nothing
of it is called a bug, and no verdict is changed by a failure to print it."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenantcheck.model.text import ascii_json
from tests.cli.command import COMMAND, history, run, run_by
from tests.servers import RawServer, always, response
from tests.services import Environments, Reply, Request, service

pytestmark = pytest.mark.usefixtures("in_tmp")

FULL = "/dev/full"
WITHOUT_FAST = """
import sys
sys.modules["pycurl"] = sys.modules["uvloop"] = None
from tenantcheck.cli import main
main()
"""
HOSTILE = "\x1b[31mred\x9b31m\u202egnp.exe\u2028next\x7f"


@pytest.fixture
def shared() -> Iterator[RawServer]:
    """One environment for everybody: a breach after a few requests."""
    environments = Environments()
    with service(lambda request: Reply(environments.witness("all", request, tenantId=None))) as server:
        yield server


def start(*arguments: str, client: str = "fast", **streams: object) -> subprocess.CompletedProcess[str]:
    """Run with the standard streams as told."""
    options: dict[str, object] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    command = [*COMMAND, *arguments]
    if client == "httpx":
        command = [*COMMAND[:-2], "-c", WITHOUT_FAST, *arguments]
    return subprocess.run(command, text=True, timeout=120, **options)  # type: ignore[call-overload, no-any-return]


def close(*numbers: int) -> Callable[[], None]:
    def apply() -> None:
        for number in numbers:
            os.close(number)

    return apply


def few_descriptors(count: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


@pytest.mark.parametrize("fmt", ["text", "plain", "json"])
def test_a_full_stdout_leaves_the_verdict(shared: RawServer, fmt: str) -> None:
    with Path(FULL).open("w") as full:
        result = start("-q", "probe", shared.url, "--format", fmt, stdout=full)
    assert result.returncode == 10
    assert result.stderr.startswith("error: the report can't be written to stdout: No space left on device")
    assert "The verdict: fail." in result.stderr


@pytest.mark.parametrize("client", ["fast", "httpx"])
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)], ids=str)
def test_closed_streams_leave_the_verdict(shared: RawServer, closed: tuple[int, ...], client: str) -> None:
    result = start("-q", "probe", shared.url, client=client, preexec_fn=close(*closed))
    assert result.returncode == 10, result.stderr
    assert start("-q", "check", str(history()), preexec_fn=close(*closed)).returncode == 10


def test_a_full_stderr_leaves_the_verdict(shared: RawServer) -> None:
    with Path(FULL).open("w") as full:
        result = start("probe", shared.url, stderr=full)
    assert result.returncode == 10
    assert result.stdout.startswith("FAIL")
    with Path(FULL).open("w") as full:
        assert start("probe", stdout=full, stderr=full).returncode == 2


def test_a_reader_that_has_gone_leaves_the_verdict(shared: RawServer) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    result = start("-q", "probe", shared.url, stdout=writer)
    os.close(writer)
    assert (result.returncode, result.stderr) == (10, "")


def test_a_report_that_can_not_be_written_leaves_the_verdict(shared: RawServer) -> None:
    result = run("-q", "probe", shared.url, "--report", f"json={FULL}", "--report", "json=pipe-without-a-reader")
    assert result.returncode == 10
    os.mkfifo("pipe")
    again = run("-q", "check", str(history()), "--report", f"json={FULL}", "--report", "json=pipe")
    assert again.returncode == 10
    assert "--report /dev/full: No space left on device" in again.stderr
    assert "--report pipe: No such device or address" in again.stderr


def test_a_report_is_its_owners_and_takes_the_place_of_another_whole(shared: RawServer) -> None:
    Path("old.json").write_text("old")
    Path("link.json").symlink_to("old.json")
    run("-q", "probe", shared.url, "--report", "json=link.json", "--report", "plain=/dev/stderr")
    assert Path("link.json").is_symlink()
    assert stat.S_IMODE(Path("old.json").stat().st_mode) == stat.S_IMODE(history().stat().st_mode) == 0o600
    assert json.loads(Path("old.json").read_text())["verdict"] == "fail"
    assert not list(Path().glob("*.part"))


@pytest.mark.parametrize("fmt", ["text", "plain", "json"])
def test_an_ascii_terminal_is_shown_escapes(shared: RawServer, fmt: str) -> None:
    words = ("-q", "probe", f"{shared.url}/ä", "--format", fmt, "--tenants", "a,b")
    result = start(*words, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert (result.returncode, result.stderr) == (10, "")
    if fmt == "json":
        assert json.loads(result.stdout)["verdict"] == "fail"


@pytest.mark.parametrize("client", ["fast", "httpx"])
@pytest.mark.parametrize("count", [20, 40])
def test_too_few_descriptors_are_said_and_no_verdict(shared: RawServer, client: str, count: int) -> None:
    """Whatever the target would have shown: it was never asked as planned."""
    environments = Environments()

    def isolated(request: Request) -> Reply:
        if not request.tenant.startswith("tck-"):
            return Reply({}, status="400 Bad Request")
        return Reply(environments.witness(request.tenant, request))

    with service(isolated) as server:
        arguments = ("-q", "probe", server.url, "--tenants", "40")
        result = start(*arguments, client=client, preexec_fn=few_descriptors(count))
    assert result.returncode == 1, result.stdout
    assert "descriptor" in result.stderr or "Too many open files" in result.stderr
    assert "ulimit -n" in result.stderr
    assert "bug" not in result.stderr


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "{}"),
        ("probe", "http://127.0.0.1:1", "--tenants", "@{}"),
        ("probe", "http://127.0.0.1:1", "-d", "@{}"),
    ],
    ids=lambda arguments: arguments[0] + arguments[-1][:2],
)
def test_what_is_no_file_is_not_waited_for(arguments: tuple[str, ...], kind: str) -> None:
    name = {"pipe": "pipe", "device": "/dev/zero", "folder": "folder"}[kind]
    os.mkfifo("pipe")
    Path("folder").mkdir()
    result = run(*(argument.format(name) for argument in arguments))
    assert result.returncode == 2
    assert "no regular file" in result.stderr or "irectory" in result.stderr


def test_a_pipe_beside_the_histories_is_passed_over(shared: RawServer) -> None:
    run("-q", "probe", shared.url)
    os.mkfifo(".tenantcheck/zzz.jsonl")
    assert run("-q", "probe", shared.url).returncode == 10


def test_a_tenants_file_may_come_through_a_pipe(shared: RawServer) -> None:
    command = " ".join([*COMMAND, "-q", "probe", shared.url, "--tenants", "@<(printf 'a\\nb\\n')"])
    assert subprocess.run(["bash", "-c", command], capture_output=True, check=False).returncode == 10


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("tenant = " + "1" * 5_000, "not TOML"),
        ("[[tenant]]\nid = " + "1" * 5_000, "not TOML"),
        ("a = " + "[" * 50_000, "not TOML"),
        ("hunter2 = 1", "a key other than"),
        ("[[tenant]]\nid = 'a'\nhunter2 = 1", "a key other than"),
        ("[[tenant]]\nid = 'a'\ncredentials = {hunter2 = 'x'}", "unknown credential"),
        ("hunter2 = 1\nhunter2 = 2", "not TOML"),
    ],
)
def test_a_tenants_file_that_is_wrong_is_said_without_its_words(content: str, word: str) -> None:
    Path("t.toml").write_text(content)
    result = run("probe", "http://127.0.0.1:1", "--tenants", "@t.toml")
    assert result.returncode == 2
    assert word in result.stderr
    assert "hunter2" not in result.stderr
    assert "bug" not in result.stderr


def test_an_argument_that_is_no_text() -> None:
    for arguments in (["http://127.0.0.1:1/\udcff"], ["http://127.0.0.1:1", "--tenant-header", "\udcff"]):
        result = subprocess.run(
            [*COMMAND, "probe", *(os.fsencode(argument) for argument in arguments)], capture_output=True, check=False
        )
        assert result.returncode == 2, result.stderr


@pytest.mark.parametrize("scheme", ["socks4", "socks5", "socks5h"])
def test_a_proxy_that_the_client_does_not_speak_to_is_said(scheme: str) -> None:
    result = run_by("httpx", "-q", "probe", "http://example.test", ALL_PROXY=f"{scheme}://u:hunter2@h:1")
    assert result.returncode == 2
    assert "tenantcheck[fast]" in result.stderr
    assert "hunter2" not in result.stderr


def test_what_others_wrote_steers_no_terminal() -> None:
    """Neither the history itself, nor an error about one, nor any report."""

    def answer(request: Request) -> Reply:
        return Reply({"executionEnvironmentId": HOSTILE, "tenantId": HOSTILE})

    with service(answer) as server:
        run("-q", "probe", server.url, "--history", "h.jsonl")
    outputs = [Path("h.jsonl").read_text()]
    for fmt in ("text", "plain", "json"):
        result = run("-q", "check", "h.jsonl", "--format", fmt)
        outputs += [result.stdout, result.stderr]
    line = Path("h.jsonl").read_text().splitlines()[1]
    Path("bad.jsonl").write_text(Path("h.jsonl").read_text().replace('"served"', f'"{HOSTILE}"'))
    outputs.append(run("check", "bad.jsonl").stderr)
    Path(HOSTILE.replace("/", "")).write_text(line)
    outputs.append(run("check", HOSTILE).stderr)
    outputs.append(run("probe", HOSTILE).stderr)
    outputs.append(run(HOSTILE).stderr)
    for output in outputs:
        assert not set(output) & set("\x1b\x9b\u202e\u2028\x7f"), output


def test_json_is_escaped_beyond_ascii() -> None:
    text = json.dumps(f"{HOSTILE}\U0001f600é", ensure_ascii=False)
    assert ascii_json(text).isascii()
    assert json.loads(ascii_json(text)) == f"{HOSTILE}\U0001f600é"


def test_words_that_are_too_many_are_not_repeated() -> None:
    for arguments in (
        ("probe", "http://127.0.0.1:1", "-H", "Authorization:", "Bearer", "hunter2"),
        ("http://user:hunter2@host/",),
        ("check", "a", "hunter2"),
    ):
        result = run(*arguments)
        assert result.returncode == 2
        assert "hunter2" not in result.stderr


def test_a_server_that_answers_nothing_readable(shared: RawServer) -> None:
    with RawServer(always(response(b"\xff" * 1000))) as server:
        assert run("-q", "probe", server.url).returncode == 3
