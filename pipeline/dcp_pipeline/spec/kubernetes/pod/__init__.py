"""What resources and podTemplate may say: Kubernetes' own words, as far as the `restricted` profile allows them.

Only imported where a spec uses them, or a schema is made. Read template.py; ../../checking/pod_checks.py has what
types cannot say.
"""
