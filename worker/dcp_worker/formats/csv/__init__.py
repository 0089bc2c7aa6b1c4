"""Delimited text: in go bytes, out come fields; quick where it is regular, exact where it is not. Read delimited.py."""
