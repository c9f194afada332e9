"""The nonce: `tck1-<run>-<tenant tag>-<seq>-<random>`, of one length in every request.

One regular expression finds it anywhere, and it names its tenant across runs: the tag depends on the tenant's
id alone.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

PREFIX = b"tck1-"
PATTERN = re.compile(rb"tck1-([0-9a-f]{8})-([0-9a-f]{12})-([0-9]{8})-([0-9a-f]{16})(?![0-9a-f])")
_WHOLE = re.compile(PATTERN.pattern.decode())
LENGTH = 5 + 8 + 1 + 12 + 1 + 8 + 1 + 16


class Nonce(NamedTuple):
    """The parts of a nonce."""

    run: str
    tag: str
    seq: int
    random: str


def tag(tenant_id: str | None) -> str:
    """Twelve hexadecimal digits that name a tenant (SHA-256 of its id; of nothing when there is none)."""
    return hashlib.sha256((tenant_id or "").encode()).hexdigest()[:12]


def compose(run: str, tenant_tag: str, seq: int, random: str) -> str:
    """The nonce of request `seq`."""
    return f"tck1-{run}-{tenant_tag}-{seq:08d}-{random}"


def well_formed(text: str) -> bool:
    """Whether a text is a nonce and nothing else."""
    return _WHOLE.fullmatch(text) is not None


def parse(nonce: str) -> Nonce | None:
    """The parts of a nonce, or None when it is not one."""
    match = _WHOLE.fullmatch(nonce)
    if match is None:
        return None
    run, tenant_tag, seq, random = match.groups()
    return Nonce(run, tenant_tag, int(seq), random)


def tag_of(nonce: str) -> str:
    """The tenant tag of a well-formed nonce."""
    return nonce[14:26]
