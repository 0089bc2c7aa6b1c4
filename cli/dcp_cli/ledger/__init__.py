"""What the ledger keeps, one by one: in go a pipeline and what is picked, out come tables, requeues, replays.

A file for each of commands/ledger/.
"""
