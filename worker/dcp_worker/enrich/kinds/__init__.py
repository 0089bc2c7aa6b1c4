"""The enrichments, a file each, called as in dcp_pipeline.spec.enrichments.

A file has opener(around): what makes a step of the spec's settings and keeps what the process shares (step.py has the
ports). It is imported when a spec uses it.
"""
