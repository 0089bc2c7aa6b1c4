"""`dcp migrate`: a table of before gets what a new one has. In goes an engine and the spec, out comes what was done.

Read moving.py (identities that begin with their order) or parting.py (partitions).
"""
