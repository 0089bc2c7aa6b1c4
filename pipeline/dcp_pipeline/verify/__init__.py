"""The books recomputed from the table alone: in goes a database, out come findings. Read verify.py."""
