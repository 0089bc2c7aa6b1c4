"""The ledger: objects, cuts, batches, rejects and the books, in the sink's own database.

Start with model.py for the words and ledger.py for what can be asked; docs/ledger.md draws it.
"""

from dcp_pipeline.database.engine import connect
from dcp_pipeline.database.errors import (
    LedgerConflict,
    LedgerError,
    LedgerVersion,
    SinkDenied,
    SinkUnavailable,
    TableMismatch,
)
from dcp_pipeline.database.transactions import Patience
from dcp_pipeline.ledger.ledger import Ledger
from dcp_pipeline.tls import TlsSettings

__all__ = [
    "Ledger",
    "LedgerConflict",
    "LedgerError",
    "LedgerVersion",
    "Patience",
    "SinkDenied",
    "SinkUnavailable",
    "TableMismatch",
    "TlsSettings",
    "connect",
]
