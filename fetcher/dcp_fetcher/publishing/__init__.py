"""From cuts to the queue, recorded in the ledger first. Read publish.py."""
