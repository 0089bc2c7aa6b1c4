"""The inbox: in go other programs' tasks, out come objects that are read like any other. Read desk.py."""
