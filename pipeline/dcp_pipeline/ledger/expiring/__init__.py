"""What is kept only so long: rows by a time of theirs, rejects by the time they were refused.

In goes the spec's retention; out come rows that are counted as expired and gone, by whole partitions where the table
has them. One keeper at a time, the fetcher's. Read keeper.py first: the steps, and why a kill between two of them harms
nothing; plan.py decides, mark.py is what the ledger remembers.
"""
