"""Sources that are files: in goes a folder or a path, out come its files as objects. Read site.py."""
