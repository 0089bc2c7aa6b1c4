"""From bytes to cuts: where records end, what stands before them, what cannot be a record. Pure. Read split.py."""
