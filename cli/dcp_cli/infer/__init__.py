"""`dcp infer`: a first spec for a feed that nobody has described. Start at command.py."""
