"""`dcp backup` and `dcp restore`: books and rows of one pipeline, of one moment, in one file.

archive.py is the file; contents.py says what belongs to a pipeline; backup.py writes it, restore.py puts it back.
"""
