"""The kinds of sources, a file each, called as in dcp_pipeline.spec.sources: how one is opened (place.py has the port).

In go a source of the spec and what surrounds it, out comes its place: what it lists, and who opens what is listed. A
file is imported when a spec uses it; what does the work of a kind may have a folder of its own beside this one.
"""
