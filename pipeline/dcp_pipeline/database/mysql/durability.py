"""What the sink's server is set to, where that weakens what a COMMIT means: warnings for people, at the start.

Rows and ledger are in the same transactions, so they stay consistent whatever is set. What is at stake is named in
docs/reliability.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

_SETTINGS = (
    "innodb_flush_log_at_trx_commit",
    "innodb_doublewrite",
    "innodb_flush_method",
    "log_bin",
    "sync_binlog",
)


def durability_warnings(connection: Connection) -> list[str]:
    """A sentence for each setting that lets a power cut undo or damage what was committed."""
    names = ", ".join(f"'{name}'" for name in _SETTINGS)
    found = connection.exec_driver_sql(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")
    return weaknesses({str(name).lower(): str(value) for name, value in found})


def weaknesses(settings: Mapping[str, str]) -> list[str]:
    """The same from the settings' values; what is not known is taken to be right."""
    warnings = []
    flush = settings.get("innodb_flush_log_at_trx_commit", "1")
    if flush in ("0", "2"):
        warnings.append(
            f"innodb_flush_log_at_trx_commit is {flush}: a power cut may take back the last second of commits, after "
            "the queue has forgotten those batches; they are read again only while their source serves them, and "
            "tasks of the inbox are lost; set it to 1"
        )
    if settings.get("innodb_doublewrite", "ON").upper() in ("OFF", "0", "DETECT_ONLY"):
        warnings.append(
            "innodb_doublewrite is off: a power cut may leave half-written pages that nothing can mend; set it to ON"
        )
    if settings.get("innodb_flush_method", "").lower() in ("nosync", "littlesync"):
        warnings.append(
            f"innodb_flush_method is {settings['innodb_flush_method']}: commits are not flushed to the disk; set it to "
            "O_DIRECT or fsync"
        )
    if settings.get("log_bin", "OFF").upper() in ("ON", "1") and settings.get("sync_binlog", "1") != "1":
        warnings.append(
            f"sync_binlog is {settings['sync_binlog']}: after a power cut replicas and backups may lack what this "
            "server has committed; set it to 1"
        )
    return warnings
