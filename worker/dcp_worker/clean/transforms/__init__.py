"""Transforms: text to text, a column at a time. compile.py has them all; docs/rules.md shows each with an example."""
