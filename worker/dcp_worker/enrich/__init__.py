"""Enrichment: what other data says of a record's values. enrichers.py holds what a process shares."""

from dcp_worker.enrich.enrichers import Enrichers
from dcp_worker.enrich.errors import EnrichmentError
from dcp_worker.enrich.geoip import GeoStep

__all__ = ["Enrichers", "EnrichmentError", "GeoStep"]
