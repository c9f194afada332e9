"""The nonce: `tck1-<run>-<masked tenant tag>-<seq>-<random>`, of one length in every request.

One regular expression finds it anywhere, and it names its tenant across runs: the tag depends on the tenant's
id alone. On the wire the tag is masked by what follows it, so that no prefix of the nonce goes with the tenant: a
balancer that chose an environment by one would look isolated. Anyone can take the mask off again.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Annotated, NamedTuple

from msgspec import Meta

PREFIX = b"tck1-"
PATTERN = re.compile(rb"tck1-([0-9a-f]{8})-([0-9a-f]{12})-([0-9]{8})-([0-9a-f]{16})(?![0-9a-f])")
_WHOLE = re.compile(PATTERN.pattern.decode())
LENGTH = 5 + 8 + 1 + 12 + 1 + 8 + 1 + 16
#: A nonce in a record: a history that holds another text there is refused.
NonceText = Annotated[str, Meta(pattern=rf"\A{PATTERN.pattern.decode()}\Z")]


class Nonce(NamedTuple):
    """The parts of a nonce."""

    run: str
    tag: str
    """Without its mask."""
    seq: int
    random: str


def tag(tenant_id: str | None) -> str:
    """Twelve hexadecimal digits that name a tenant (SHA-256 of its id; of nothing when there is none)."""
    return hashlib.sha256((tenant_id or "").encode()).hexdigest()[:12]


def _masked(tenant_tag: str, seq: str, random: str) -> str:
    """A tag with its mask put on, or taken off."""
    mask = hashlib.sha256(f"{seq}{random}".encode()).digest()[:6]
    return f"{int(tenant_tag, 16) ^ int.from_bytes(mask):012x}"


def compose(run: str, tenant_tag: str, seq: int, random: str) -> str:
    """The nonce of request `seq`."""
    number = f"{seq:08d}"
    return f"tck1-{run}-{_masked(tenant_tag, number, random)}-{number}-{random}"


def well_formed(text: str) -> bool:
    """Whether a text is a nonce and nothing else."""
    return _WHOLE.fullmatch(text) is not None


def parse(nonce: str) -> Nonce | None:
    """The parts of a nonce, or None when it is not one."""
    match = _WHOLE.fullmatch(nonce)
    if match is None:
        return None
    run, masked, seq, random = match.groups()
    return Nonce(run, _masked(masked, seq, random), int(seq), random)


@lru_cache(maxsize=1 << 12)  # residue shows the same nonces again and again
def tag_of(nonce: str) -> str:
    """The tenant tag of a well-formed nonce."""
    return _masked(nonce[14:26], nonce[27:35], nonce[36:])
