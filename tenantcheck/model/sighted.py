"""An observation and what the logs told about its request: the platform outranks the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import structs

from tenantcheck.model.observation import AnswerKind, Observation, Sighting, Witness

#: Outcomes of requests that may have run, so that their environment is worth waiting for.
_MAY_HAVE_RUN: frozenset[AnswerKind] = frozenset({"served", "no-witness", "function-error"})


def may_have_run(observation: Observation) -> bool:
    """Whether the logs are expected to name this request."""
    return observation.outcome in _MAY_HAVE_RUN and observation.error_kind != "not-lambda"


def sighted(observation: Observation, sighting: Sighting | None) -> Observation:
    """The observation with its environment, and its tenant where the platform named one, from the logs.

    Where they do not tell, or name several streams (something on the way sent the request again), the answer is
    worth nothing as evidence; what it says of its environment stays, since a breach may show by it.
    """
    own = observation.witness
    said = own if own is not None else Witness()
    if sighting is None or sighting.others:
        outcome: AnswerKind = "no-witness" if observation.outcome == "served" else observation.outcome
        witness = None if own is None else structs.replace(own, log_stream_name=None)
        ran_in = () if sighting is None else (sighting.log_stream_name, *sighting.others)
        return structs.replace(observation, outcome=outcome, witness=witness, claimed=own, ran_in=ran_in)
    platform = sighting.by == "json" or sighting.tenant is not None
    witness = structs.replace(
        said,
        log_stream_name=sighting.log_stream_name,
        tenant_id=sighting.tenant if platform else said.tenant_id,
        tenant_null=sighting.tenant is None if platform else said.tenant_null,
    )
    outcome = "served" if observation.outcome == "no-witness" else observation.outcome
    return structs.replace(observation, outcome=outcome, witness=witness, claimed=own)


def all_sighted(observations: Iterable[Observation], sightings: Mapping[int, Sighting]) -> list[Observation]:
    """Observations of a run whose environments the logs tell; `sightings` by the number of the request."""
    return [sighted(observation, sightings.get(observation.request.seq)) for observation in observations]
