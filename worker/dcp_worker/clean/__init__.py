"""From records to rows: what the spec's `cleaning` says, compiled once, applied to a batch at a time.

plan.py is the whole in one page; prepare.py, types.py and checks.py are its steps.
"""
