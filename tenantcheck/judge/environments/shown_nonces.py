"""Nonces that answers show: the request's own, or data of another tenant's request."""

from __future__ import annotations

from typing import NamedTuple

from tenantcheck.judge.environments.recent import Recent
from tenantcheck.judge.environments.tallies import FirstFew
from tenantcheck.model import Observation, Plan, SeenNonce
from tenantcheck.model import nonce as nonces

#: The tag of requests that were sent without a tenant: their nonces are nobody's data.
_NOBODY = nonces.tag(None)


class Foreign(NamedTuple):
    """A response that carries a nonce it should not carry, and the request that nonce belongs to."""

    observation: Observation
    nonce: SeenNonce
    origin: Observation | None
    owner: int | None
    """Index of the tenant the nonce belongs to, where the plan knows it."""


class ShownNonces:
    """What every answer shows of nonces, held against the tenant it was sent for."""

    def __init__(self, plan: Plan, recent: Recent) -> None:
        self._run = plan.run
        self._recent = recent
        self._tags = {tenant.index: nonces.tag(tenant.id) for tenant in plan.everyone()}
        self._owners = {tag: index for index, tag in self._tags.items()}
        self.foreign: FirstFew[Foreign] = FirstFew()
        """Nonces of other tenants in residue, body or headers."""
        self.could_carry = 0
        """Responses that showed nonces, after another tenant's request had ended."""
        self.replays: FirstFew[Foreign] = FirstFew()
        """Answers that echo another tenant's request."""
        self.replays_within = 0
        """Answers that echo another request of the same tenant."""
        self.echoes = 0

    def echoed(self, observation: Observation, echo: str, tenant: int) -> bool:
        """Take in the echo of an answer; False when it is that of another tenant's request."""
        self.echoes += 1
        if echo == observation.request.nonce:
            return True
        if nonces.tag_of(echo) == self._tags[tenant]:
            self.replays_within += 1
            return True
        self._keep(self.replays, observation, SeenNonce(nonce=echo, place="echo"))
        return False

    def shown(self, observation: Observation, tenant: int, *, others_ended: bool) -> None:
        """Look at every nonce that a response shows; `others_ended` says whether another tenant's could be there."""
        self.could_carry += others_ended
        for seen in observation.seen:
            if seen.place != "echo" and nonces.tag_of(seen.nonce) not in (self._tags[tenant], _NOBODY):
                self._keep(self.foreign, observation, seen)

    def _keep(self, kept: FirstFew[Foreign], observation: Observation, seen: SeenNonce) -> None:
        # Beyond the kept ones nobody looks at the origin: the search is spared.
        if kept.full:
            kept.total += 1
        else:
            kept.add(self._found(observation, seen))

    def _found(self, observation: Observation, seen: SeenNonce) -> Foreign:
        parts = nonces.parse(seen.nonce)
        origin = self._recent.find(parts.seq) if parts and parts.run == self._run else None
        if origin is not None and origin.request.nonce != seen.nonce:
            origin = None
        owner = self._owners.get(parts.tag) if parts else None
        return Foreign(observation, seen, origin, owner)
