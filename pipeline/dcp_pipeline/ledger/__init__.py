"""The ledger: objects, cuts, batches, rejects and the books, in the sink's own database.

Start with model.py for the words and ledger.py for what can be asked; docs/ledger.md draws it.
"""

from dcp_pipeline.ledger.engine import connect
from dcp_pipeline.ledger.errors import (
    LedgerConflict,
    LedgerError,
    LedgerVersion,
    SinkDenied,
    SinkUnavailable,
    TableMismatch,
)
from dcp_pipeline.ledger.findings import Finding, FindingKind, VerifyReport
from dcp_pipeline.ledger.ledger import Ledger
from dcp_pipeline.ledger.transactions import Patience
from dcp_pipeline.ledger.verify import verify
from dcp_pipeline.tls import TlsSettings

__all__ = [
    "Finding",
    "FindingKind",
    "Ledger",
    "LedgerConflict",
    "LedgerError",
    "LedgerVersion",
    "Patience",
    "SinkDenied",
    "SinkUnavailable",
    "TableMismatch",
    "TlsSettings",
    "VerifyReport",
    "connect",
    "verify",
]
