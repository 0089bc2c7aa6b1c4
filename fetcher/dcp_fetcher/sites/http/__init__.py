"""Sources over HTTP: in goes a URL, out come listed objects, their versions and their bodies. Read site.py."""
