"""The formats whose records are lines, a file each, called as in dcp_pipeline.spec.formats.

A file has parser(form), what takes its lines apart. SHOWS, where it has it, is a label that every line of the format
has: `dcp infer` tells the format by it. A file is imported when a spec uses it.
"""
