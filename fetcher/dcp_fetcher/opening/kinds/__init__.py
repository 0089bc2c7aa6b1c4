"""The types of files that are made into lines, a file each, called as in dcp_pipeline.spec.formats.

A file has lines(stream, how): in go an object's bytes (of a text in an encoding that keeps ASCII), out comes text of
one record a line. It may have begins(head): whether a file that starts so is of its type. It is imported when it is
used.
"""
