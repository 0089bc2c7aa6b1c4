"""The books recomputed from the table alone: in goes a database, out come findings. Read verify.py."""

from dcp_pipeline.verify.findings import Finding, FindingKind, VerifyReport
from dcp_pipeline.verify.verify import verify

__all__ = ["Finding", "FindingKind", "VerifyReport", "verify"]
