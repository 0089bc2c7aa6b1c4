"""The ledger for those who look: a page at a time (pages.py), over time (over_time.py). Start with view.py."""
