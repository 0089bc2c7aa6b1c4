"""What is told: conditions and the status from what was observed, Events, metrics. Read conditions.py."""
