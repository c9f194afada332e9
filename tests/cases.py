"""What the lab can get wrong, and what has to come out: one row per fault or weather.

The rows are run by simulation (`benchmarks.detection`), and through real processes and HTTP by
`tests/cli/test_faults.py` and, a sample, by the benchmark.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Any, NamedTuple

from msgspec.structs import replace

from tenantcheck.cli.options import parse_idle
from tenantcheck.lab.mapping import token
from tenantcheck.lab.pool import Pool, Reuse
from tenantcheck.model import Plan, PlanName
from tenantcheck.run.plan import Credentials, TenantList, TenantRow
from tenantcheck.run.planning import make_plan
from tenantcheck.run.settings import RunSettings
from tenantcheck.run.targets.http import HttpRequestSpec, HttpTarget, Location, parse_nonce_place
from tests.simulation import SimulatedLab, faults

PLANS: tuple[PlanName, ...] = ("quick", "standard", "deep")
DEFAULT_NONCE = "header:x-tenantcheck-nonce"


class Case(NamedTuple):
    """One way to run the lab, and what a run against it has to say."""

    faults: tuple[str, ...]
    found_by: str = ""
    """The check named for the fault; empty for weather, which nothing may be found in."""
    outcome: str = "fail"
    """The verdict."""
    plan: PlanName | None = "standard"
    """The smallest plan in which every run finds it; None where chance decides."""
    place: str = "header"
    authorizer: bool = False
    """Tenants have credentials, and the front an authorizer that says who they belong to."""
    nonce: str = DEFAULT_NONCE
    reuse: Reuse = "mru"
    max_environments: int = 250
    idle_s: str | None = None
    soak_s: float | None = None
    """Simulated only: the run goes on for so long, at 10 requests a second."""
    invoke: bool = False
    """Simulated only: judged as a run by Invoke."""
    stated: tuple[tuple[PlanName, float], ...] = ()
    """Detection rates that the plans are meant to have."""
    proven: bool = False
    """Simulated only: another case proves the same wiring through real processes."""
    least: tuple[tuple[PlanName, float], ...] = ()
    """Detection rates that they are meant to have at least."""

    @property
    def name(self) -> str:
        added = [
            *(["tenant in the query"] if self.place == "query" else []),
            *(["nonce in the URL"] if self.nonce != DEFAULT_NONCE else []),
            *(["never reused"] if self.reuse == "never" else []),
            *([f"at most {self.max_environments} environments"] if self.max_environments != 250 else []),
            *([f"gaps of {self.idle_s} s"] if self.idle_s else []),
            *([f"a soak of {self.soak_s:g} s"] if self.soak_s else []),
            *([f"reuse {self.reuse}"] if self.reuse not in ("mru", "never") else []),
            *(["by Invoke"] if self.invoke else []),
            *(["authorizer"] if self.authorizer else []),
        ]
        return ", ".join([" + ".join(self.faults) or "calm", *added])

    @property
    def simulated_only(self) -> bool:
        """It is not run through real processes: it takes minutes there, or is a way to judge."""
        slow = "slow-start:ms=6000" in self.faults
        return self.proven or self.invoke or self.soak_s is not None or slow

    def is_found(self, checks: Collection[str]) -> bool:
        """Whether the check named for the fault is among these. A newcomer that meets the tenant it looks like is
        both: a meeting of two tenants, and one of look-alikes."""
        return self.found_by in checks or (self.found_by == "shared-environment" and "lookalike-collapse" in checks)

    def lab_settings(self) -> dict[str, Any]:
        """Keyword arguments of `Lab`."""
        return {
            "faults": self.faults,
            "reuse": self.reuse,
            "max_environments": self.max_environments,
            "authorizer": self.authorizer,
            "tenant_query": "tenant" if self.place == "query" else None,
        }

    def tenants(self, rng: random.Random) -> TenantList:
        """Four fresh tenants."""
        ids = [f"tck-{rng.getrandbits(48):012x}" for _ in range(4)]
        credentials = [_token(id_) if self.authorizer else Credentials() for id_ in ids]
        rows = tuple(
            TenantRow(id=id_, expect=id_, credentials=own) for id_, own in zip(ids, credentials, strict=True)
        )
        return TenantList(rows=rows, fresh=not self.authorizer)

    def tenants_file(self) -> str:
        """Such tenants as a tenants file."""
        ids = [row.id for row in self.tenants(random.Random()).rows]
        return "".join(f"[[tenant]]\nid='{id_}'\ncredentials={{bearer='{token(id_)}'}}\n" for id_ in ids)

    def probe_options(self) -> list[str]:
        """Options of `tenantcheck probe`; the tenants file is `tenants.toml`."""
        options = ["--nonce", self.nonce]
        if self.place == "query":
            options += ["--tenant-query", "tenant"]
        if self.authorizer:
            options += ["--tenants", "@tenants.toml"]
        if self.idle_s:
            options += ["--idle", self.idle_s]
        return options

    def simulated(self, plan: PlanName, rng: random.Random) -> tuple[Plan, SimulatedLab]:
        """The plan that the command line would make, and the lab it runs against."""
        place = Location("query", "tenant") if self.place == "query" else Location("header", "x-tenant-id")
        url = "http://simulated/prod/witness"
        target = HttpTarget(HttpRequestSpec(url=url, tenant=place, nonce=parse_nonce_place(self.nonce)))
        options = RunSettings(
            plan=plan,
            idle=parse_idle(self.idle_s),
            soak=self.soak_s,
            seed=f"{rng.getrandbits(128):032x}",
            max_time=6e5,
        )
        plan_, target = make_plan(options, self.tenants(rng), target)
        drawn = replace(plan_, seed_given=False)
        if self.invoke:
            drawn = replace(drawn, kind="invoke")
        pool = Pool(
            reuse=self.reuse,
            max_environments=self.max_environments,
            faults=faults(*self.faults, rng=rng),
            rng=rng,
        )
        return drawn, SimulatedLab(pool=pool, target=target, authorizer=self.authorizer)


def _token(id_: str) -> Credentials:
    return Credentials(headers=(("Authorization", f"Bearer {token(id_)}"),))


POOL_CASES: tuple[Case, ...] = (
    Case(("shared-pool",), "shared-environment", plan="quick"),
    Case(("hash-buckets:k=1",), "shared-environment", plan="quick", proven=True),
    Case(("hash-buckets:k=8",), "shared-environment"),
    Case(("hash-buckets:k=64",), "shared-environment", plan=None, stated=(("standard", 0.991), ("deep", 1.0))),
    *(Case((f"prefix:n={n}",), "lookalike-collapse", proven=n != 255) for n in (8, 32, 64, 128, 255)),
    Case(("case-folding",), "lookalike-collapse"),
    Case(("trimming",), "lookalike-collapse", proven=True),
    *(Case((f"steals-when-busy:n={n}",), "shared-environment", proven=n != 3) for n in (1, 3, 4)),
    Case(("newcomer-steals",), "shared-environment"),
    Case(("idle-steals:t=1",), "shared-environment"),
    Case(("idle-steals:t=3",), "shared-environment", plan="quick", idle_s="4"),
    Case(("cap-steals",), "shared-environment", max_environments=8),
    Case(("shares-above:n=16",), "shared-environment"),
    Case(("isolates-first:k=8",), "shared-environment"),
    Case(("worn-steals:n=16",), "shared-environment"),
    Case(("worn-steals:n=24",), "shared-environment", plan="standard", soak_s=60),
    Case(("old-steals:t=1",), "shared-environment", plan="quick", soak_s=60),
    Case(("old-steals:t=10",), "shared-environment", plan="quick", soak_s=60),
    Case(("release-race:p=0.5,ms=1", "distant:ms=60"), "shared-environment", plan=None),
    Case(("release-race:p=0.5,ms=2", "distant:ms=60"), "shared-environment", plan=None),
    Case(("release-race:p=0.5,ms=5", "distant:ms=60"), "shared-environment", plan=None, least=(("standard", 0.9),)),
    Case(("race:p=0.02",), "shared-environment", plan=None, least=(("standard", 0.83),)),
    Case(("race-near-arrival:p=0.5",), "shared-environment", plan=None),
    Case(("blind-backend:p=0.5",), "shared-environment"),
    Case(("blind-backend:p=0.1",), "shared-environment", plan=None),
    Case(("blind-backend:p=0.02",), "shared-environment", plan=None),
    Case(("by-connection",), "shared-environment", plan="quick"),
    Case(("by-size",), "shared-environment", plan="quick"),
    Case(("by-cookie",), "shared-environment", plan="quick"),
    Case(("by-nonce-prefix:n=15",), "shared-environment", plan="quick"),
    Case(("cold-starts-swapped",), "shared-environment", plan="quick"),
)
IDENTITY_CASES: tuple[Case, ...] = (
    Case(("scratch-handed-on",), "shared-environment"),
    Case(("snapshot-clone",), "cloned-identity", "pass"),
    Case(("constant-id",), "cloned-identity", "inconclusive", plan="quick"),
    Case(("constant-sandbox",), "cloned-identity", "inconclusive", plan="quick"),
    Case(("shared-pool", "renewed-id"), "shared-environment", plan="quick"),
    Case(("shared-pool", "errors-name"), "shared-environment", plan="quick"),
    Case(("shared-pool", "id-hashes-tenant"), "shared-environment", plan="quick"),
    Case(("counts-from-five",), "unseen-caller", "pass", plan="quick"),
    Case(("counts-from-five",), "unseen-caller", "pass", plan="quick", invoke=True),
    Case(("counts-by-two",), "unseen-caller", "pass", plan="quick"),
    Case(("counts-by-two",), "unseen-caller", "pass", plan="quick", invoke=True),
    Case(("several-at-once",), "cloned-identity", "pass"),
    Case(("tenant-absent",), "wrong-tenant", "pass", plan="quick"),
    Case(("shared-directory",), "foreign-residue", plan="quick"),
)
FRONT_CASES: tuple[Case, ...] = (
    Case(("cached-response",), "replayed-response", plan="quick"),
    Case(("cached-response",), "replayed-response", plan="quick", nonce="query:tenantcheckNonce"),
    Case(("authorizer-cached",), "wrong-tenant", plan="quick", authorizer=True),
    Case(("tokens-unverified",), "forged-credentials-accepted", plan="quick", authorizer=True),
    Case(("credentials-unbound",), "foreign-tenant-accepted", plan="quick", authorizer=True),
    Case(("constant-tenant",), "wrong-tenant", plan="quick"),
    Case(("reserved-honoured",), "reserved-header-honoured", plan="quick"),
    Case(("reserved-honoured",), "reserved-header-honoured", plan="quick", authorizer=True),
    Case(("first-header",), "ambiguous-tenant", "pass", plan="quick"),
    Case(("last-header",), "ambiguous-tenant", "pass", plan="quick"),
    Case(("missing-defaulted",), "missing-tenant-accepted", plan="quick"),
    Case(("invalid-accepted",), "invalid-tenant-accepted", plan="quick"),
    Case(("invalid-cleaned",), "invalid-tenant-accepted", plan="quick"),
    Case(("percent-decoding",), "lookalike-collapse", place="query"),
    Case(("plus-decoding",), "lookalike-collapse", place="query"),
)
DELIVERY_CASES: tuple[Case, ...] = (
    Case(("shared-pool", "raises-on-foreign", "no-residue"), "not-delivered-once", "inconclusive", plan="quick"),
    Case(("shared-pool", "raises-on-foreign"), "foreign-residue", plan="quick"),
    Case(("shared-pool", "raises-on-foreign", "resends"), "foreign-residue", plan="quick"),
    Case(
        ("shared-pool", "raises-on-foreign", "resends", "no-residue"),
        "not-delivered-once",
        "inconclusive",
        plan="quick",
    ),
    Case(("mirrored",), "not-delivered-once", "inconclusive", plan="quick"),
)
#: What no run can see by itself: a control does, and without one every report says that none was asked.
HIDDEN_CASES: tuple[Case, ...] = (
    Case(("shared-pool", "id-per-tenant"), outcome="pass"),
    Case(("shared-pool", "id-and-count-per-tenant"), outcome="pass"),
)
FAULT_CASES: tuple[Case, ...] = (*POOL_CASES, *IDENTITY_CASES, *FRONT_CASES, *DELIVERY_CASES)

#: `outcome` is what calm weather ends in; what may not pass says so.
WEATHER_CASES: tuple[Case, ...] = (
    Case((), outcome="pass"),
    Case((), outcome="pass", authorizer=True),
    Case((), outcome="pass", place="query", proven=True),
    Case((), outcome="pass", place="query", authorizer=True),
    Case((), outcome="pass", nonce="query:tenantcheckNonce"),
    Case((), outcome="inconclusive", reuse="never"),
    Case((), outcome="pass", reuse="fifo", proven=True),
    Case((), outcome="pass", reuse="random", proven=True),
    Case((), outcome="pass", invoke=True),
    Case(("by-nonce-prefix:n=20",), outcome="inconclusive"),
    Case(("renames",), outcome="pass"),
    Case(("session-cookies",), outcome="pass"),
    Case(("two-backends",), outcome="pass"),
    Case(("distant:ms=60",), outcome="pass"),
    Case(("restarts:p=0.05",), outcome="pass"),
    Case(("restarts:p=0.05",), outcome="pass", invoke=True),
    Case(("slow-start:ms=6000",), outcome="pass"),
    Case(("retired:n=6",), outcome=""),
    Case(("throttled:p=0.02",), outcome=""),
    Case(("one-throttled:p=0.1",), outcome="", proven=True),
    Case(("one-throttled:p=1",), outcome="inconclusive"),
    Case(("slow-start:ms=500",), outcome="pass"),
    Case(("slow-path:ms=8",), outcome="pass"),
    Case(("dropped-connections:p=0.02",), outcome=""),
    Case(("lost-responses:p=0.02",), outcome="", proven=True),
    Case(("lost-responses:p=0.1",), outcome=""),
    Case(("lost-responses:p=0.1",), outcome="", invoke=True),
    Case(("one-lost:p=1",), outcome="inconclusive"),
    Case(("raises-on-foreign",), outcome="pass"),
)
