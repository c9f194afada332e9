"""What answers say of their environment, held against what the logs say of it."""

from __future__ import annotations

from typing import NamedTuple

from tenantcheck.judge.environments.tallies import FirstFew
from tenantcheck.model import IdentityField, Observation

#: Identities that are remembered with the log stream they came from.
_MOST = 100_000


class TwoStreams(NamedTuple):
    """Two answers that name one environment, and ran in two log streams."""

    name: IdentityField
    earlier: Observation
    later: Observation


class Claims:
    """Compares answers with logs, where environments were read there.

    The platform writes one log stream per environment, whatever a handler says: an identity in two streams is made
    up, and so is the name of another stream, or another tenant.
    """

    def __init__(self) -> None:
        self.compared = 0
        """Answers that say something of their environment, and that the logs tell of."""
        self.streams: FirstFew[Observation] = FirstFew()
        """Answers that name another log stream."""
        self.tenants: FirstFew[Observation] = FirstFew()
        """Answers that name another tenant."""
        self.moved: FirstFew[TwoStreams] = FirstFew()
        self.repeated: FirstFew[Observation] = FirstFew()
        """Requests that ran more than once."""
        self._first: dict[tuple[IdentityField, str], Observation] = {}
        self._told: set[tuple[IdentityField, str]] = set()

    def note(self, observation: Observation) -> None:
        """Take in one observation, with what the logs told about it."""
        if observation.ran_in:
            self.repeated.add(observation)
        claimed, witness = observation.claimed, observation.witness
        if claimed is None or witness is None or witness.log_stream_name is None:
            return
        self.compared += 1
        if claimed.log_stream_name not in (None, witness.log_stream_name):
            self.streams.add(observation)
        if claimed.tenant_id is not None and claimed.tenant_id != witness.tenant_id:
            self.tenants.add(observation)
        self._moved("execution_environment_id", claimed.execution_environment_id, observation)
        self._moved("sandbox_id", claimed.sandbox_id, observation)

    def _moved(self, name: IdentityField, value: str | None, observation: Observation) -> None:
        if value is None or (name, value) in self._told or len(self._first) >= _MOST:
            return
        first = self._first.setdefault((name, value), observation)
        if _stream(first) != _stream(observation):
            self._told.add((name, value))
            self.moved.add(TwoStreams(name, first, observation))


def _stream(observation: Observation) -> str | None:
    return observation.witness.log_stream_name if observation.witness is not None else None
