"""What a schema cannot say of a spec: in goes a parsed one, out come problems with their paths. Read checks.py."""
