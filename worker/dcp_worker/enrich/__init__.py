"""Enrichment: what other data says of a record's values. enrichers.py holds what a process shares."""

from dcp_worker.enrich.enrichers import Enrichers
from dcp_worker.enrich.errors import EnrichmentError
from dcp_worker.enrich.step import Step

__all__ = ["Enrichers", "EnrichmentError", "Step"]
