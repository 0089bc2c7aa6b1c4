"""How many workers a pipeline needs: a pure decision, shared by the operator and by `dcp simulate`.

model.py has the values that go in and come out, decision.py the decision as a table of contents; each of its steps is
a file: learning.py (what the queue's history tells), demand.py (what the backlog calls for), sink_health.py (what the
database can use), behavior.py (HPA v2's words: windows, steps, tolerance). of_spec.py reads a spec.
"""
