"""The chance that a pool which ignores tenants would have passed.

Null for a set of tenants: whichever of them a request had been sent for, it would have met the same
environment. The environment is then fixed by the past, so it belongs to the tenant that is drawn next with
chance `q`; `1/P` is a test supermartingale, and stopping when the target is reached is valid (Ville 1939).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

#: Share of each factor that is kept for answers that are no match. With it, whatever a pool hides (lost
#: answers, refusals), the expected factor of 1/P is at most (1-ε) + (1-q)·ε ≤ 1.
EPSILON = 1 / 32


#: Logarithm of the share that is left to matches.
_LOG_KEPT = math.log1p(-EPSILON)


@lru_cache(maxsize=256)
def _log_clean(each: int, tenants: int) -> float:
    """Natural logarithm of `(each!)^tenants / (each · tenants)!`, with the share ε taken from every factor."""
    requests = each * tenants
    return tenants * math.lgamma(each + 1) - math.lgamma(requests + 1) - requests * _LOG_KEPT


@lru_cache(maxsize=1 << 14)
def log_factor(remaining: int, remaining_all: int, *, matched: bool) -> float:
    """Natural logarithm of the factor of one request.

    `remaining` requests for its tenant, out of `remaining_all` for the whole set, were not yet passed in the
    drawn order, this one included.
    """
    if remaining == remaining_all:
        return 0.0
    if matched:
        return math.log(remaining / remaining_all) - _LOG_KEPT
    return -math.log(EPSILON)


class PairProducts:
    """Products over all ordered waves, for every pair of `tenants` and for all of them."""

    def __init__(self, tenants: Sequence[int]) -> None:
        self._tenants = tuple(sorted(tenants))
        self._pairs = dict.fromkeys(combinations(self._tenants, 2), 0.0)
        self._partners = {
            tenant: [(other, (min(tenant, other), max(tenant, other))) for other in self._tenants if other != tenant]
            for tenant in self._tenants
        }
        self._all = 0.0

    def add(self, each: int, drawn: Sequence[int], matched: Sequence[bool]) -> None:
        """Add one ordered wave of `each` requests per tenant.

        `drawn` are the tenants of its requests, in drawn order, and `matched` whether the answer of each was a match.
        Both may end early where the wave was cut.
        """
        if len(drawn) == each * len(self._tenants) and all(matched):
            self._add_clean(each, drawn)
            return
        left = dict.fromkeys(self._tenants, each)
        total = each * len(left)
        pairs = self._pairs
        for tenant, match in zip(drawn, matched, strict=True):
            mine = left[tenant]
            for other, pair in self._partners[tenant]:
                pairs[pair] += log_factor(mine, mine + left[other], matched=match)
            self._all += log_factor(mine, total, matched=match)
            left[tenant] -= 1
            total -= 1

    def _add_clean(self, each: int, drawn: Sequence[int]) -> None:
        """A whole wave in which all matched: whatever the order, the shares `q` of a pair multiply to
        `1 / C(2n, n)`. Where one of the two has no request left, the factor is 1 and carries no ε: that many are
        counted from the end."""
        clean = _log_clean(each, 2)
        trailing: dict[int, int] = {}
        """By tenant, its requests behind the current one."""
        for tenant in reversed(drawn):
            if tenant in trailing:
                trailing[tenant] += 1
                continue
            for other, count in trailing.items():
                pair = (other, tenant) if other < tenant else (tenant, other)
                self._pairs[pair] += clean + count * _LOG_KEPT
            if len(trailing) == 1:  # that one's requests end the wave
                self._all += _log_clean(each, len(self._tenants)) + sum(trailing.values()) * _LOG_KEPT
            trailing[tenant] = 1
            if len(trailing) == len(self._tenants):
                return

    def spoil(self) -> None:
        """Something about an ordered wave can't be trusted: no figure stands."""
        self._pairs = dict.fromkeys(self._pairs, math.inf)
        self._all = math.inf

    def weakest(self) -> tuple[tuple[int, int], float]:
        """The pair with the largest figure, and that figure."""
        pair, logarithm = max(self._pairs.items(), key=lambda item: item[1])
        return pair, _probability(logarithm)

    def all_tenants(self) -> float:
        """The figure of all tenants together."""
        return _probability(self._all)

    def weakest_log(self) -> float:
        """Natural logarithm of the weakest pair's product, which may exceed 0."""
        return max(self._pairs.values())


def _probability(logarithm: float) -> float:
    return max(math.exp(min(0.0, logarithm)), sys.float_info.min)  # a chance is never 0


def needed_requests(weakest_log: float, significance: float, per_wave: int) -> int:
    """Requests per tenant, in further ordered waves of `per_wave`, that reach the target if nothing is lost.

    With every answer matched the factors `q` of a pair multiply to `1 / C(2n, n)` in any order; at most
    `2n - 1` of them carry the share ε.
    """
    gain = math.log(math.comb(2 * per_wave, per_wave)) + (2 * per_wave - 1) * _LOG_KEPT
    waves = math.ceil((weakest_log - math.log(significance)) / gain)
    return max(1, waves) * per_wave
