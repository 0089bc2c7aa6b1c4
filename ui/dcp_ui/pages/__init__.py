"""The pages, one file each: what is read, and what of it is shown. shell.py is what they have in common."""
