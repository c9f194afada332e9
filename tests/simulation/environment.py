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
class Process:
    """Memory of one process."""

    id: str
    count: int = 0
    owner: str | None = None
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

    def witness(self, *, late_count: bool) -> Witness:
        return Witness(
            execution_environment_id=self.process.id,
            sandbox_id=self.scratch.id,
            invocation_count=self.process.count if late_count else self.count,
            tenant_id=self.tenant,
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

    def invoke(self, environment: int, image: int, tenant: str | None, nonce: str) -> Answer | None:
        """One invocation; None when the handler raises."""
        process = self._processes.get(environment)
        if process is None:
            process = self._processes[environment] = Process(id=self._process_id(image))
        scratch = self._scratch.setdefault(environment, Scratch(f"sandbox-{environment}"))
        foreign = process.owner not in (None, tenant)
        if foreign and "raises-on-foreign" in self._variants:
            return None
        if foreign and "renewed-id" in self._variants:
            process.id, process.count = self._process_id(image), 0
        process.owner = tenant
        process.count += 1
        kept = self._mounted if "shared-directory" in self._variants else scratch
        own = nonces.tag_of(nonce)
        places: tuple[tuple[NoncePlace, deque[str]], ...] = (
            ("residue-memory", process.nonces),
            ("residue-scratch", kept.nonces),
        )
        residue = tuple(
            SeenNonce(nonce=earlier, place=place)
            for place, found in places
            for earlier in found
            if nonces.tag_of(earlier) != own
        )
        process.nonces.append(nonce)
        kept.nonces.append(nonce)
        seen = None if "tenant-absent" in self._variants else tenant
        return Answer(process, scratch, process.count, seen, nonce, residue)

    def _process_id(self, image: int) -> str:
        if self._variants & {"snapshot-clone", "constant-id"}:
            return f"snapshot-{image}"
        self._ids += 1
        return f"process-{self._ids}"

    @property
    def late_count(self) -> bool:
        return "several-at-once" in self._variants

    @property
    def tenantless(self) -> tuple[str, ...]:
        """What the witness reader says of a tenant that is null."""
        return ("tenantId: null",) if "tenant-absent" in self._variants else ()
