"""What an attack on the verdict found, through the command line: false passes, false alarms, wrong causes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tenantcheck.lab import Lab
from tests.cli.command import FAST, history, invoke, run, run_by
from tests.services import REFUSED, Environments, Reply, Request, bounded, service

Labs = Callable[..., Lab]
pytestmark = pytest.mark.usefixtures("in_tmp")

both = pytest.mark.parametrize("fast", [True, False], ids=["fast", "built in"])


def probe(url: str, *arguments: str, fast: bool = True, **variables: str) -> tuple[int, dict[str, Any]]:
    """Exit code and report of a quick run."""
    words = ["-q", "probe", url, "--plan", "quick", "--format", "json", *arguments]
    result = run_by("fast" if fast else "built in", *words, **variables)
    assert result.stdout, result.stderr
    return result.returncode, json.loads(result.stdout)


def found(report: dict[str, Any]) -> set[tuple[str, str]]:
    return {(finding["check"], finding["severity"]) for finding in report["findings"]}


def status(report: dict[str, Any], check: str) -> tuple[str, str]:
    (result,) = [each for each in report["checks"] if each["id"] == check]
    return result["status"], result["reason"]


@both
def test_an_isolated_endpoint_with_session_cookies_passes(fast: bool) -> None:
    """Sessions stick to an environment: a client that sends one tenant's cookie with another's request breaks in."""
    environments, sessions = Environments(), count()
    owners: dict[str, str] = {}

    @bounded
    def answer(request: Request) -> Reply:
        session = request.headers.get("cookie", f"session={next(sessions)}")
        key = owners.setdefault(session, request.tenant)
        return Reply(environments.witness(key, request), headers=f"set-cookie: {session}\r\n")

    with service(answer) as server:
        code, report = probe(server.url, fast=fast)
    assert (code, found(report)) == (0, set())


@both
def test_a_sticky_cookie_before_a_backend_that_does_not_isolate_fails(fast: bool) -> None:
    """Whoever comes without a cookie is sent to either backend; a client that kept its cookie would see one only."""
    environments, turns = Environments(), count()

    @bounded
    def answer(request: Request) -> Reply:
        cookie = request.headers.get("cookie") or f"backend={next(turns) % 2}"
        key = "everybody" if cookie == "backend=1" else request.tenant
        return Reply(environments.witness(key, request), headers=f"set-cookie: {cookie}\r\n")

    with service(answer) as server:
        code, report = probe(server.url, fast=fast)
    assert (code, ("shared-environment", "breach") in found(report)) == (10, True)


@both
def test_a_layer_4_balancer_with_one_bad_backend_fails(fast: bool) -> None:
    """Each connection belongs to one backend for good."""
    environments = Environments()
    backends: dict[int, int] = {}

    @bounded
    def answer(request: Request) -> Reply:
        backend = backends.setdefault(request.connection, len(backends) % 2)
        return Reply(environments.witness("everybody" if backend else request.tenant, request))

    for _ in range(3):
        with service(answer) as server:
            code, _ = probe(server.url, fast=fast)
        assert code == 10


@pytest.mark.parametrize("code", ["500 Internal Server Error", "502 Bad Gateway", "403 Forbidden"])
def test_an_error_that_names_another_tenants_environment_is_a_breach(code: str) -> None:
    environments, seen = Environments(), list[str]()

    @bounded
    def answer(request: Request) -> Reply:
        seen.append(request.tenant)
        if len(seen) == 20:
            other = next(tenant for tenant in seen if tenant != request.tenant)
            return Reply({"executionEnvironmentId": f"process-of-{other}"}, code)
        return Reply(environments.witness(request.tenant, request))

    with service(answer) as server:
        exit_code, report = probe(server.url)
    assert (exit_code, ("shared-environment", "breach") in found(report)) == (10, True)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"executionEnvironmentId": "made-at-build-time"}, "executionEnvironmentId"),
        ({"executionEnvironmentId": "8"}, "executionEnvironmentId"),
        ({"sandboxId": "baked-into-the-image"}, "sandboxId"),
        ({"executionEnvironmentId": "made-at-build-time", "sandboxId": None}, "executionEnvironmentId"),
    ],
    ids=["process id", "pid", "sandbox id", "alone"],
)
def test_a_constant_id_is_named_as_the_cause_and_is_no_breach(changes: dict[str, str | None], name: str) -> None:
    environments = Environments()
    answer = bounded(lambda request: Reply(environments.witness(request.tenant, request, **changes)))
    with service(answer) as server:
        code, report = probe(server.url)
    assert code == 3
    assert report["reasons"][0] == f"every environment has the same {name}: it is a constant, and names none of them"


def test_a_breach_by_one_identity_alone_names_the_constant_among_its_causes() -> None:
    """Without counts nothing tells a constant from one environment: it is a breach, seen for two waves."""
    environments = Environments()
    alone = {"executionEnvironmentId": "the-only-process", "sandboxId": None, "invocationCount": None}
    answer = bounded(lambda request: Reply(environments.witness(request.tenant, request, **alone)))
    with service(answer) as server:
        code, report = probe(server.url)
        shown = run("check", str(history())).stdout
    assert (code, report["subject"]["waves"]) == (10, 2)
    assert "that id may be a constant, or made per container image" in shown


def test_a_firewall_that_refuses_everything_by_then_proves_no_boundary() -> None:
    """
    Given a service without any boundary, behind a firewall that begins to refuse after 60 requests
    When the boundary is attacked
    Then nothing is proven: the run is inconclusive, and the checks say that they were not exercised.
    """
    environments, requests = Environments(), count()

    def answer(request: Request) -> Reply:
        return REFUSED if next(requests) >= 53 else Reply(environments.witness(request.tenant, request))

    with service(answer) as server:
        code, report = probe(server.url, "--strict")
    assert code == 3
    assert "ordinary requests beside the attacks on the boundary were refused (HTTP 403 Forbidden)" in str(
        report["reasons"]
    )
    assert status(report, "invalid-tenant-accepted")[0] == "not-exercised"


def test_a_sign_in_page_is_no_acceptance() -> None:
    environments = Environments()

    def answer(request: Request) -> Reply:
        if not request.tenant or "!" in request.tenant or len(request.tenant) > 256:
            return Reply(b"<html>Please sign in</html>")
        return Reply(environments.witness(request.tenant, request))

    with service(answer) as server:
        code, report = probe(server.url)
    assert code == 0
    expected = ("not-exercised", "answered, but not as somebody: 200 text/html")
    assert status(report, "missing-tenant-accepted") == expected


def test_a_consistent_renaming_is_a_remark() -> None:
    environments = Environments()

    @bounded
    def answer(request: Request) -> Reply:
        name = hashlib.sha1(request.tenant.encode()).hexdigest()
        return Reply(environments.witness(request.tenant, request, tenantId=name))

    with service(answer) as server:
        code, report = probe(server.url, "--tenants", "acme,globex")
    assert (code, found(report)) == (0, set())
    assert "the handler calls 'acme'" in report["remarks"][0]


def test_a_tenant_that_is_empty_text_is_a_weakness() -> None:
    environments = Environments()
    answer = bounded(lambda request: Reply(environments.witness(request.tenant, request, tenantId="")))
    with service(answer) as server:
        code, report = probe(server.url)
    assert (code, found(report)) == (0, {("wrong-tenant", "weakness")})


@both
def test_a_healthy_service_by_subdomain_passes(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Host names ignore case: such look-alikes are one id to everybody."""
    environments = Environments()

    def answer(request: Request) -> Reply:
        tenant = (urlsplit_host(request.url)).lower()
        return Reply(environments.witness(tenant, request, tenantId=tenant))

    with service(answer) as server:  # stands for the proxy: no name has to be resolved
        monkeypatch.setenv("http_proxy", server.url)
        code, report = probe("http://{tenant}.x.test/", "--plan", "standard", fast=fast)
    assert (code, [f for f in found(report) if f[1] == "breach"]) == (0, [])


def urlsplit_host(url: str) -> str:
    return url.removeprefix("http://").partition(".")[0]


def test_an_edge_that_merges_requests_in_flight_is_met_though_the_nonce_is_in_the_url(labs: Labs) -> None:
    lab = labs(faults=("merged-requests",), **FAST)
    code, report = probe(lab.front_url, "--nonce", "query:tenantcheckNonce")
    assert (code, found(report)) == (10, {("replayed-response", "breach")})


def test_an_edge_that_asks_three_times_is_not_clean() -> None:
    environments = Environments()

    @bounded
    def answer(request: Request) -> Reply:
        for _ in range(2):
            environments.witness(request.tenant, request)
        return Reply(environments.witness(request.tenant, request))

    with service(answer) as server:
        code, report = probe(server.url, "--tenants", "acme,globex", "--strict")
        fresh, _ = probe(server.url)
    assert (code, fresh) in ((10, 3), (10, 0))
    assert ("unseen-caller", "weakness") in found(report)


def test_another_name_that_outweighs_the_tenant_is_found() -> None:
    environments = Environments()

    @bounded
    def answer(request: Request) -> Reply:
        tenant = request.headers.get("x-org-id") or request.query.get("company") or request.tenant
        return Reply(environments.witness(tenant, request, tenantId=tenant))

    with service(answer) as server:
        code, report = probe(server.url, "--alias", "query:company")
    assert code == 0
    assert sorted(f["details"]["under"].split(", ")[-1] for f in report["findings"]) == [
        "company",
        "x-amzn-lambda-context",
    ]


def test_only_a_counter_is_said_to_name_no_environment() -> None:
    environments = Environments()
    bare = {"executionEnvironmentId": None, "sandboxId": None}
    answer = bounded(lambda request: Reply(environments.witness(request.tenant, request, **bare)))
    with service(answer) as server:
        code, report = probe(server.url)
    assert code == 3
    assert report["reasons"][0] == "no evidence: no answer named its environment (a counter alone proves nothing)"


def test_counts_in_reasons_are_totals() -> None:
    """One environment for everybody, which tells of nobody's nonce: hundreds of neighbours, a hundred kept."""
    environments = Environments()
    answer = bounded(lambda request: Reply(environments.witness(f"{request.tenant}", request, tenantId="x" * 20)))
    with service(answer) as server:
        code, report = probe(server.url, "--tenants", "40", "--keep-going")
    (wrong,) = [check for check in report["checks"] if check["id"] == "wrong-tenant"]
    assert (code, wrong["breaches"]) == (10, report["subject"]["requests"] - 17 + 8)
    assert report["reasons"][0] == f"wrong-tenant: {wrong['breaches']} breaches"
    assert sum(finding["check"] == "wrong-tenant" for finding in report["findings"]) == 100


class TestInvoke:
    def invoke(self, url: str, *arguments: str) -> tuple[int, str, str]:
        words = ("-q", "invoke", "fn", "--endpoint-url", url, "--plan", "quick", "--format", "json", *arguments)
        result = run(*words, AWS_ACCESS_KEY_ID="lab", AWS_SECRET_ACCESS_KEY="lab", AWS_REGION="us-east-1")
        return result.returncode, result.stdout, result.stderr

    @pytest.mark.parametrize("fault", ["counts-from-five", "counts-by-two"])
    def test_a_counter_that_starts_late_or_skips_is_no_breach(self, labs: Labs, fault: str) -> None:
        result = invoke(labs(faults=(fault,), **FAST), "--plan", "quick", "--format", "json")
        assert (result.returncode, found(json.loads(result.stdout))) == (0, {("unseen-caller", "weakness")})

    def test_sams_local_lambda_is_asked_again_without_a_log_tail(self) -> None:
        """
        Given SAM's local Lambda, which refuses a log tail with 501 and knows none of Lambda's headers
        When it is tested
        Then the opening is sent once more without the tail, the run goes on, and the report says so.
        """
        environments = Environments()

        def answer(request: Request) -> Reply:
            tenant = request.headers.get("x-amz-tenant-id")
            if request.headers.get("x-amz-log-type") == "Tail":
                message = "log-type: Tail is not supported. None is only supported."
                return Reply({"Type": "LocalService", "Message": message}, "501 Not Implemented")
            if tenant is None or "!" in tenant or len(tenant) > 256:
                return Reply({"Type": "User", "Message": "Add a valid tenant ID"}, "400 Bad Request")
            nonce = json.loads(request.body)["tenantcheckNonce"]
            return Reply(environments.witness(tenant, request, tenantId=tenant, nonce=nonce))

        with service(answer) as server:
            code, stdout, stderr = self.invoke(server.url)
        report = json.loads(stdout)
        assert (code, report["verdict"]) == (0, "pass"), stderr
        assert (
            "first requests failed or were refused (perhaps for the log tail): the opening was sent again"
            in report["remarks"]
        )

    def test_something_else_is_not_lambda(self) -> None:
        with service(lambda _: Reply(b"<html>hello</html>")) as server:
            code, stdout, stderr = self.invoke(server.url)
        report = json.loads(stdout)
        assert (code, report["findings"], report["unable"]) == (1, [], True)
        assert stderr.startswith("error: this is not Lambda")


class TestControl:
    @both
    def test_a_function_without_isolation_is_caught_first(self, labs: Labs, fast: bool) -> None:
        lab = labs(control=True, **FAST)
        code, report = probe(lab.front_url, "--control", lab.control_url, "--require", "control", fast=fast)
        assert (code, report["verdict"]) == (0, "pass")
        assert report["evidence"]["control"]["ended"] == "breach"
        assert report["evidence"]["control"]["requests"] <= 12
        assert "execution_environment_id" in report["evidence"]["control"]["caught_by"]
        assert Path(".tenantcheck", report["evidence"]["control"]["history"]).exists()
        (main,) = [path for path in Path(".tenantcheck").glob("*.jsonl") if "control" not in path.name]
        again = json.loads(run("check", str(main), "--format", "json").stdout)
        assert again["evidence"]["control"] == report["evidence"]["control"]

    def test_by_invoke(self, labs: Labs) -> None:
        lab = labs(control=True, **FAST)
        result = invoke(lab, "--plan", "quick", "--control", lab.control_name)
        assert result.returncode == 0, result.stderr
        assert "a function without isolation was caught after" in result.stdout

    def test_a_handler_that_makes_ids_per_tenant_is_exposed(self, labs: Labs) -> None:
        """Nothing that it answers says that tenants share; its twin, which does not isolate, looks isolated too."""
        lab = labs(control=True, faults=("shared-pool", "id-per-tenant"), **FAST)
        alone, _ = probe(lab.front_url)
        code, report = probe(lab.front_url, "--control", lab.control_url)
        assert (alone, code) == (0, 3)
        assert ("control-not-caught", "open") in found(report)


def test_what_is_required_and_not_exercised_is_no_pass(labs: Labs) -> None:
    code, report = probe(labs(**FAST).front_url, "--require", "pressed,newcomer")
    assert code == 3
    assert report["reasons"] == [
        "pressed was required and not exercised (--require)",
        "newcomer was required and not exercised (--require)",
    ]


def test_a_pass_says_first_what_it_does_not_cover(labs: Labs) -> None:
    result = run("-q", "probe", labs(**FAST).front_url, "--plan", "quick")
    first, *_ = result.stdout.splitlines()
    assert first.startswith("PASS (quick: reuse only; not pressure, newcomers, releases, idle gaps): ")
    assert "Nothing is known beyond" in result.stdout.split("Evidence")[0]


def test_a_soak_goes_on_after_the_plan(labs: Labs) -> None:
    code, report = probe(labs(**FAST).front_url, "--soak", "4", "--rate", "20")
    assert (code, report["subject"]["ended"], report["verdict"]) == (0, "complete", "pass")
    assert report["subject"]["duration_s"] > 4
    assert 69 < report["subject"]["requests"] < 69 + 4 * 20 + 40
    assert report["evidence"]["range"]["age_s"] > 3
    # How many kinds of wave four seconds hold depends on the machine; all of them are simulated in `test_course`.
    assert {"reuse", "idle gaps"} <= set(report["subject"]["covered"])


def test_earlier_runs_of_the_same_target_are_counted_and_named(labs: Labs) -> None:
    url = labs(isolation="none", **FAST).front_url
    probe(url)
    (first,) = Path(".tenantcheck").glob("*.jsonl")
    _, report = probe(url)
    assert report["remarks"][0].startswith(f"1 earlier run against this target: {first.name}. Whoever repeats")
    _, other = probe(url + "/other")
    assert not any("earlier run" in remark for remark in other["remarks"])


def test_requests_of_an_earlier_run_are_not_a_riddle(labs: Labs) -> None:
    url = labs(**FAST).front_url
    probe(url, "--tenants", "acme,globex", "--plan", "quick")
    (first,) = Path(".tenantcheck").glob("*.jsonl")
    _, report = probe(url, "--tenants", "acme,globex", "--plan", "quick")
    (told,) = [remark for remark in report["remarks"] if "asked for the same tenants" in remark]
    assert first.name in told


def test_old_histories_are_removed_and_that_is_said(labs: Labs) -> None:
    url = labs(isolation="none", **FAST).front_url
    for expected in (1, 2, 2):
        result = run("probe", url, "--keep", "2")
        assert len([*Path(".tenantcheck").glob("*.jsonl")]) == expected
    assert "removed the oldest history from .tenantcheck/, where 2 are kept (--keep)" in result.stderr


def test_look_alikes_that_are_left_out_are_not_sent(labs: Labs) -> None:
    words = ("probe", "http://x.test", "--tenants", "acme,globex", "--dry-run")
    assert "ACME" in run(*words).stdout
    left_out = run(*words, "--skip", "lookalike-collapse").stdout
    assert "ACME" not in left_out
    assert "newcomers, ids that nobody should be using: tck-" in left_out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[tenant]]\nid='a'\nexpect='x'\n[[tenant]]\nid='b'\nexpect='x'\n", "the same expect as"),
        ("[[tenant]]\nid='a'\n[[tenant]]\nid='a'\n", "the same id as"),
        ("[[tenant]]\nid='a'\nexpect='b'\n[[tenant]]\nid='b'\n", "the same expect as"),
    ],
)
def test_two_tenants_that_are_one_are_wrong_usage(text: str, message: str) -> None:
    Path("t.toml").write_text(text)
    result = run("probe", "http://127.0.0.1:1", "--tenants", "@t.toml")
    assert (result.returncode, message in result.stderr) == (2, True)
