"""Reads responses: bytes go in, the witness and every nonce that they carry come out."""

from tenantcheck.run.witness.reader import WitnessReader, shape_of

__all__ = ["WitnessReader", "shape_of"]
