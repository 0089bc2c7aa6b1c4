"""`dcp doctor`: what is wrong around a pipeline, and how to mend it, all at once. Nothing is made or changed.

Start at command.py. A file for each place that is looked at: sources, queue, sink (its server's own questions are in
dialects/), this machine. What is decided from numbers alone is in findings/.
"""
