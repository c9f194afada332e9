"""What the built-in handler keeps and answers in one simulated environment, honest or faulty."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from tenantcheck.model import NoncePlace, SeenNonce, Witness
from tenantcheck.model import nonce as nonces

KEPT = 32


def _newest() -> deque[str]:
    return deque(maxlen=KEPT)


@dataclass
class Own:
    """Ids, count and memory of one tenant in one process."""

    id: str
    count: int = 0
    nonces: deque[str] = field(default_factory=_newest)


@dataclass
class Process:
    """Memory of one process."""

    id: str
    count: int = 0
    owner: str | None = None
    own: dict[str | None, Own] = field(default_factory=dict)
    """What a handler keeps per tenant that makes its ids so."""
    nonces: deque[str] = field(default_factory=_newest)


@dataclass
class Scratch:
    """Scratch directory of one environment, or one that all of them mount."""

    id: str
    nonces: deque[str] = field(default_factory=_newest)


@dataclass
class Answer:
    """A witness in the making: some faulty handlers read their counter when the work is done."""

    process: Process
    scratch: Scratch
    count: int
    tenant: str | None
    nonce: str
    residue: tuple[SeenNonce, ...]
    process_id: str
    sandbox_id: str
    is_error: bool = False
    """An error that names its environment, and says nothing else."""

    def witness(self, *, late_count: bool) -> Witness:
        if self.is_error:
            return Witness(execution_environment_id=self.process_id, sandbox_id=self.sandbox_id)
        return Witness(
            execution_environment_id=self.process_id,
            sandbox_id=self.sandbox_id,
            invocation_count=self.process.count if late_count else self.count,
            tenant_id=self.tenant,
            tenant_null=self.tenant is None,
            nonce=self.nonce,
            residue_read=True,
        )


class Environments:
    """Processes and scratch directories behind the slots of a pool."""

    def __init__(self, variants: tuple[str, ...]) -> None:
        self._variants = frozenset(variants)
        self._processes: dict[int, Process] = {}
        self._scratch: dict[int, Scratch] = {}
        self._mounted = Scratch("mounted")
        self._ids = 0

    def restart(self, environment: int) -> None:
        """The process ends; the scratch directory stays."""
        self._processes.pop(environment, None)

    def invoke(self, environment: int, image: int, tenant: str | None, nonce: str | None) -> Answer | None:
        """One invocation, without a nonce where it is a copy; None when the handler raises."""
        process = self._processes.get(environment)
        if process is None:
            process = self._processes[environment] = Process(id=self._process_id(image))
        scratch = self._scratch.setdefault(environment, Scratch(f"sandbox-{environment}"))
        process.count += 1
        kept = self._mounted if "shared-directory" in self._variants else scratch
        silent = "no-residue" in self._variants
        residue = () if silent else _residue(process.nonces, kept.nonces, nonce)
        if nonce is not None:
            process.nonces.append(nonce)
            kept.nonces.append(nonce)
        foreign = process.owner not in (None, tenant)
        if foreign and "raises-on-foreign" in self._variants:
            return None
        if foreign and "renewed-id" in self._variants:
            process.id, process.count = self._process_id(image), 1
        answer = Answer(
            process,
            scratch,
            self._shown(process.count),
            self._named(tenant),
            nonce or "",
            residue,
            process.id,
            "made-at-build-time" if "constant-sandbox" in self._variants else scratch.id,
        )
        if foreign and "errors-name" in self._variants:
            answer.is_error, answer.residue = True, ()
            return answer
        process.owner = tenant
        if self._variants & {"id-per-tenant", "id-hashes-tenant", "id-and-count-per-tenant"}:
            self._by_tenant(answer, tenant)
        return answer

    def _shown(self, count: int) -> int:
        if "counts-from-five" in self._variants:
            return count + 4
        return 2 * count - 1 if "counts-by-two" in self._variants else count

    def _named(self, tenant: str | None) -> str | None:
        if tenant is None or "tenant-absent" in self._variants:
            return None
        return f"renamed-{tenant}" if "renames" in self._variants else tenant

    def _by_tenant(self, answer: Answer, tenant: str | None) -> None:
        """Ids that go by the tenant, and nothing that shows another one's traces."""
        process = answer.process
        own = process.own.get(tenant)
        if own is None:
            own = process.own[tenant] = Own(f"{process.id}-{len(process.own)}")
        own.count += 1
        answer.residue = _residue(own.nonces, deque(), answer.nonce)
        own.nonces.append(answer.nonce)
        if "id-hashes-tenant" not in self._variants:
            answer.count = own.count
        if "id-per-tenant" in self._variants:
            answer.process_id, answer.sandbox_id = own.id, f"sandbox-of-{own.id}"
        else:
            answer.process_id, answer.sandbox_id = f"process-of-{tenant}", f"sandbox-of-{tenant}"

    def _process_id(self, image: int) -> str:
        if self._variants & {"snapshot-clone", "constant-id"}:
            return f"snapshot-{image}"
        self._ids += 1
        return f"process-{self._ids}"

    @property
    def late_count(self) -> bool:
        return "several-at-once" in self._variants


def _residue(memory: deque[str], scratch: deque[str], nonce: str | None) -> tuple[SeenNonce, ...]:
    """The nonces of other tenants that a handler still finds."""
    own = nonces.tag_of(nonce) if nonce else ""
    places: tuple[tuple[NoncePlace, deque[str]], ...] = (("residue-memory", memory), ("residue-scratch", scratch))
    return tuple(
        SeenNonce(nonce=earlier, place=place)
        for place, found in places
        for earlier in found
        if nonces.tag_of(earlier) != own
    )
