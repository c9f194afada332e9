"""Show a verdict: the report on stdout, everything else on stderr, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from tenantcheck.cli.files import write_file
from tenantcheck.cli.interrupts import interrupts
from tenantcheck.cli.root import Common
from tenantcheck.cli.say import say, whole_stdout
from tenantcheck.cli.wanted import Wanted
from tenantcheck.model import Verdict
from tenantcheck.model.text import printable
from tenantcheck.reports import FORMATS, TERMINAL, Format
from tenantcheck.run.senders.sender import proxy_of

EXIT_CODES = {"pass": 0, "inconclusive": 3, "fail": 10}

#: What to do where the tool could not do its work, by how the run ended.
_HINTS = {
    "unreachable": "Is the address right, the service up, its certificate trusted, and --timeout long enough?",
    "no-credentials": "Log in again, or name another --profile.",
    "no-function": "Look at the function's name, --qualifier and --region.",
    "not-lambda": "Look at --endpoint-url and --region; an HTTP endpoint is tested with probe.",
    "redirected": "Probe where it leads to, or send what makes you known: -H, or credentials in --tenants @FILE.",
    "limited": "A usage plan, a firewall or the concurrency of the account: wait, and send less at once (--rate 5).",
    "failed": "",
}
#: The same for HTTP endpoints, where it is another thing.
_PROBE_HINTS = {
    "no-credentials": "Give credentials (-H, or per tenant in --tenants @FILE). A service that knows its tenants "
    "wants ids of yours instead of made-up ones: --tenants acme,globex.",
    "no-function": "Look at host, stage, path and method (-X) of the URL.",
}


#: What to do by what was said, where that tells more than how the run ended.
_BY_SAID = {
    "the function is not ready": "Wait until it is (aws lambda wait function-active-v2).",
    "the security token": "Log in again (aws sso login), or name another --profile.",
    "the proxy": "Look at HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.",
    "Connection refused": "Nothing listens there: look at host and port of {target}.",
    "the host name was not found": "Look at the host name in {target}, and at the DNS of this machine.",
    "the certificate was not accepted": "Name whom to trust, --cacert FILE; or, for a try, --insecure.",
    "the TLS handshake failed": "Does that port speak TLS? If not: http:// instead of https://.",
    "is not HTTP": "Does that port speak HTTP/1.1? A server of HTTP/2 alone needs a proxy in front of it.",
    "no complete answer within": "Is the service slow, or a firewall silent? --timeout allows more.",
    "the connection was closed": "Does that port want TLS, https:// instead of http://? Is a firewall in the way?",
}


def _hint(verdict: Verdict) -> str:
    """What to do where the tool could not do its work."""
    run = verdict.run
    reason = verdict.reasons[0]
    proxy = proxy_of(run.target) if run.ended == "unreachable" and run.kind == "probe" else None
    if proxy is not None and "the proxy" not in reason:
        return f"The way leads through the proxy {printable(proxy.url, 100)}: is it up, and does it know the host?"
    for said, hint in _BY_SAID.items():
        if said in reason:
            return hint.format(target=printable(run.target))
    return (_HINTS | (_PROBE_HINTS if run.kind == "probe" else {}))[run.ended]


def exit_code(verdict: Verdict) -> int:
    """What the process ends with."""
    return 1 if verdict.unable else EXIT_CODES[verdict.outcome]


#: Exit codes of verdicts, the best first.
_WORST_LAST = (0, 3, 1, 10)


def worst(*codes: int) -> int:
    """Of the exit codes of several verdicts the one that counts."""
    return max(codes, key=_WORST_LAST.index)


def show(verdict: Verdict, common: Common, wanted: Wanted) -> int:
    """Print and write the reports; returns the exit code. Whatever can't be written does not change it."""
    verdict = wanted.of(verdict)
    code = exit_code(verdict)
    name = wanted.on_stdout or (TERMINAL if sys.stdout.isatty() else "plain")
    text = None if name == TERMINAL else FORMATS[name].render(verdict)
    with interrupts.ending(code, f"interrupted: not every report is whole.\n  {_KEPT}"):
        _print(verdict, common, text)
        _write(verdict, wanted.files)
    if verdict.unable:
        say(f"error: {printable(verdict.reasons[0], 400)}")
        say(f"  {_hint(verdict)} The history is kept.".replace("   ", "  "))
    return code


_KEPT = "The history is kept: tenantcheck check makes the report again."


def _print(verdict: Verdict, common: Common, text: str | None) -> None:
    """Print a report; None is the one for terminals. A word on stderr where that can't be done."""
    try:
        with whole_stdout() as stdout:
            if text is None:
                from rich.console import Console

                from tenantcheck.reports.terminal import print_glance, print_terminal

                show_it = print_terminal if common.verbose else print_glance
                show_it(verdict, Console(file=stdout, no_color=common.no_color or None, highlight=False))
            else:
                stdout.write(text)
    except BrokenPipeError:
        pass  # whoever read the report has gone
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        say(f"error: the report can't be written to stdout: {why}\n  {_KEPT} The verdict: {verdict.outcome}.")


def _write(verdict: Verdict, reports: Mapping[Path, Format]) -> None:
    """Write the report files, with a word on stderr for each that could not be written."""
    for path, each in reports.items():
        text = each.render(verdict)
        try:
            write_file(path, text)
        except OSError as error:
            say(f"error: --report {path}: {error.strerror}\n  {_KEPT}")
