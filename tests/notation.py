"""A tiny notation for histories.

    history("o a1 b2 | r a1 b2 b2 a1")

Waves are parted by `|`; the first letter is the kind (o opening, h half, u surge, c crowd, r ordered, n newcomers, s
single). Then one word per request: the tenant's letter and the number of the environment that answered. Upper
case is the newcomer that looks like the tenant of the lower-case letter. Instead of a number: `-` lost, `~`
throttled, `!` function error, `?` answered without a witness, `x` refused. Waves of kind o, h, u and c fly
together.
Changes to single observations are made with `edit`, by position.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tenantcheck.judge import Judge
from tenantcheck.model import (
    CHECK_IDS,
    FRAME,
    ORDINARY,
    SCHEDULE,
    Budgets,
    CheckStatus,
    End,
    EndReason,
    Finding,
    Header,
    HttpRepeat,
    Named,
    Observation,
    Part,
    Plan,
    Randomised,
    Request,
    Seen,
    Sent,
    Tenant,
    Verdict,
    Witness,
)
from tenantcheck.model import nonce as nonces
from tenantcheck.model.repeat import text as text_part
from tenantcheck.reports.shell import command_line

MS = 1_000_000
RUN = "0a1b2c3d"
_KINDS: dict[str, Any] = {
    "o": "opening",
    "h": "half",
    "u": "surge",
    "c": "crowd",
    "r": "ordered",
    "n": "newcomers",
    "s": "single",
}
_OUTCOMES: dict[str, Any] = {
    "-": "lost",
    "~": "throttled",
    "!": "function-error",
    "?": "no-witness",
    "x": "refused",
}

CLEAN_AB = "o a1 b2"
REPEAT = HttpRepeat(
    url=(text_part("https://example.test/"),),
    headers=(
        Named(name="x-tenant-id", value=(Part(kind="tenant"),)),
        Named(name="n", value=(Part(kind="nonce"),)),
    ),
)

Edit = Callable[[Observation], Observation]


def plan_for(letters: str = "ab", newcomers: str = "", **changes: Any) -> Plan:
    """A plan whose tenants are called by single letters; tenants are not fresh unless told."""
    fresh = changes.pop("fresh", False)
    tenants = tuple(Tenant(index=n, id=letter, expect=letter, fresh=fresh) for n, letter in enumerate(letters))
    lookalikes = tuple(
        Tenant(
            index=len(letters) + n,
            id=letter.upper(),
            expect=letter.upper(),
            fresh=fresh,
            sibling=letters.index(letter),
            lookalike="case",
        )
        for n, letter in enumerate(newcomers.lower())
    )
    settings: dict[str, Any] = {
        "run": RUN,
        "kind": "probe",
        "target": "https://example.test/",
        "tenants": tenants,
        "newcomers": lookalikes,
        "seed": "0" * 32,
        "budgets": Budgets(max_requests=500, max_time_s=120),
        "checks": CHECK_IDS,
        "repeat": REPEAT,
    }
    return Plan(**(settings | changes))


def waves(text: str, plan: Plan, edit: Mapping[int, Edit] | None = None) -> list[list[Observation]]:
    """The observations of each wave written in `text`."""
    numbers = {tenant.id: tenant.index for tenant in plan.everyone()}
    counts: dict[str, int] = {}
    now, seq = 0, 0
    result: list[list[Observation]] = []
    for number, part in enumerate(text.split("|")):
        kind, *words = part.split()
        wave: list[Observation] = []
        for slot, word in enumerate(words):
            match = re.fullmatch(r"([a-zA-Z])(\d+|[-~!?x])", word)
            assert match is not None, f"{word!r} is not in the notation"
            letter, where = match.groups()
            together = kind in "ohuc"
            call = now + slot * 1000 if together else now
            end = call + 20 * MS
            request = Request(
                seq=seq,
                wave=number,
                kind=_KINDS[kind],
                slot=slot,
                tenant=numbers[letter],
                nonce=nonces.compose(RUN, nonces.tag(letter), seq, f"{seq:016x}"),
                purpose="not-isolated" if kind == "s" else "wave",
            )
            seq += 1
            witness = None
            if where.isdigit():
                counts[where] = counts.get(where, 0) + 1
                witness = Witness(
                    execution_environment_id=f"process-{where}",
                    sandbox_id=f"sandbox-{where}",
                    invocation_count=counts[where],
                    tenant_id=letter,
                    nonce=request.nonce,
                    residue_read=True,
                )
            observation = Observation(
                request=request,
                call_ns=call,
                end_ns=end,
                outcome=_OUTCOMES.get(where, "served"),
                status=200 if where.isdigit() else None,
                witness=witness,
            )
            if edit and request.seq in edit:
                observation = edit[request.seq](observation)
            wave.append(observation)
            if not together:
                now = end + MS
        now = max((o.end_ns for o in wave), default=now) + MS
        result.append(wave)
    return result


def attack(
    purpose: str,
    where: str,
    *,
    tenant: str | None = None,
    credential: str | None = None,
    saw: str | None = None,
    before: str = CLEAN_AB,
    frames: str = "11",
    edit: Edit | None = None,
    frame_edit: Edit | None = None,
    sent: Sent = ORDINARY,
    **changes: Any,
) -> Judge:
    """A judge that has taken in a clean run of `a` and `b` and one attack between two ordinary requests, answered by
    environment `where` (or one of the letters of `_OUTCOMES`; so are those of `frames`), as the handler `saw` it."""
    settings: dict[str, Any] = {"tenant_place": "header:x-tenant-id", "boundary": True}
    plan = plan_for(**(settings | changes))
    numbers = {each.id: each.index for each in plan.everyone()}
    judged = judge(before, plan)

    def asked(slot: int, purpose_: Any, answer: str, saw_: str | None, **parts: Any) -> Observation:
        request = Request(
            seq=1000 + slot,
            wave=50,
            kind="single",
            slot=slot,
            nonce=nonces.compose(RUN, nonces.tag(None), 1000 + slot, f"{slot:016x}"),
            purpose=purpose_,
            **parts,
        )
        witness = Witness(execution_environment_id=f"process-{answer}", tenant_id=saw_) if answer.isdigit() else None
        begun = 10**10 + slot * 10 * MS
        return Observation(
            request=request,
            call_ns=begun,
            end_ns=begun + MS,
            outcome=_OUTCOMES.get(answer, "served"),
            status=200 if answer.isdigit() or answer == "?" else 400,
            witness=witness,
        )

    index = None if tenant is None else numbers[tenant]
    owner = None if credential is None else numbers[credential]
    carried = sent if owner is None else Sent(credential=owner)
    attacked = asked(1, purpose, where, saw, tenant=index, sent=carried)
    one, other = (asked(slot, FRAME, frame, None, tenant=0) for slot, frame in zip((0, 2), frames, strict=True))
    if frame_edit is not None:
        one, other = frame_edit(one), frame_edit(other)
    judged.add([one, edit(attacked) if edit is not None else attacked, other])
    return judged


def with_witness(**changes: Any) -> Edit:
    """An edit that changes fields of the witness."""

    def edit(observation: Observation) -> Observation:
        assert observation.witness is not None
        witness = msgspec.structs.replace(observation.witness, **changes)
        return msgspec.structs.replace(observation, witness=witness)

    return edit


def changed(**changes: Any) -> Edit:
    """An edit that changes fields of the observation."""
    return lambda observation: msgspec.structs.replace(observation, **changes)


def judge(text: str, plan: Plan | None = None, edit: Mapping[int, Edit] | None = None) -> Judge:
    """A judge that has taken in the waves of `text`."""
    plan = plan or plan_for()
    result = Judge(plan)
    for wave in waves(text, plan, edit):
        result.add(wave)
    return result


def verdict(
    text: str,
    plan: Plan | None = None,
    edit: Mapping[int, Edit] | None = None,
    *,
    ended: EndReason | None = "complete",
) -> Verdict:
    """The verdict on `text`."""
    plan = plan or plan_for()
    judged = judge(text, plan, edit)
    environments = judged.environments
    end = (
        End(reason=ended, requests=environments.requests, waves=environments.waves, duration_ns=1) if ended else None
    )
    return judged.verdict(Header(schedule=SCHEDULE, tool="test", started="2026-01-01T00:00:00.000Z", plan=plan), end)


def found(text: str, check: str, plan: Plan | None = None, edit: Mapping[int, Edit] | None = None) -> list[Finding]:
    """The findings of one check."""
    return [finding for finding in verdict(text, plan, edit).findings if finding.check == check]


def short(finding: Finding) -> tuple[str, tuple[str, ...], str | None, tuple[int, ...]]:
    """Severity, tenants, environment and request numbers of a finding."""
    return (
        finding.severity,
        finding.tenants,
        finding.environment,
        seqs(finding),
    )


def seqs(finding: Finding) -> tuple[int, ...]:
    """The requests that a finding stands on."""
    return tuple(exhibit.seq for exhibit in finding.exhibits if isinstance(exhibit, Seen))


def command(finding: Finding) -> str:
    """The command that sends the first exhibit again."""
    first = finding.exhibits[0]
    assert isinstance(first, Seen)
    assert first.repeat is not None
    return command_line(first.repeat)


def check_status(check: str, text: str, plan: Plan | None = None) -> tuple[CheckStatus, int]:
    """Status and opportunities of one check."""
    result = next(result for result in verdict(text, plan).results if result.id == check)
    return result.status, result.opportunities


#: An ordered wave of twelve per tenant in which every answer matches.
ORDERED = "r " + " ".join(["a1 b2"] * 12)
CLEAN = f"o a1 b2 | {ORDERED}"


def judged(judge_: Judge, check: str) -> tuple[CheckStatus, int, list[Finding]]:
    """Status, opportunities and findings of one check."""
    ran = judge_.performed()
    (result,) = [result for result in ran.results if result.id == check]
    return result.status, result.opportunities, [finding for finding in ran.findings if finding.check == check]


def figure(of: Verdict | Judge) -> Randomised:
    """The evidence, which stands on drawn orders."""
    evidence = of.evidence if isinstance(of, Verdict) else of.evidence()
    assert isinstance(evidence, Randomised)
    return evidence
