"""Constraints and filters over typed columns. Read checks.py."""
