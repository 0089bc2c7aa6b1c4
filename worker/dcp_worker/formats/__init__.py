"""Bytes of a batch to records: text cells by label, and the records that cannot be read. Start at delimited.py.

The rules are docs/formats.md. The fetcher counts records with code of its own; nothing here is shared with it.
"""
