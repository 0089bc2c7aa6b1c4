"""A kind of source each: in goes a source of the spec, out come its objects' names and bytes. Read site.py."""
