"""The revision of a spec: the part that decides what rows come out, as bytes and as their digest."""

from __future__ import annotations

import hashlib

import msgspec

from dcp_pipeline.spec.model import Cleaning, Format, Pipeline
from dcp_pipeline.spec.units import decode_unit


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """How a source's records are read and cleaned. Every object pins the one that it was opened with."""

    cleaning: Cleaning
    format: Format


def revision_of(pipeline: Pipeline, source: str) -> tuple[str, bytes]:
    """(digest, document) for one source of the pipeline: 32 hex characters, and JSON that revision_from reads."""
    format_ = next(each.format for each in pipeline.spec.sources if each.name == source)
    document = msgspec.json.encode(
        Revision(cleaning=pipeline.spec.cleaning, format=format_), enc_hook=str, order="deterministic"
    )
    return hashlib.blake2b(document, digest_size=16).hexdigest(), document


def revision_from(document: bytes) -> Revision:
    """The revision that revision_of wrote."""
    return msgspec.json.decode(document, type=Revision, dec_hook=decode_unit)
