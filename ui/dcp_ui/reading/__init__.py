"""From the servers to frozen values: what a pipeline does now (snapshot.py), and what that means (verdict.py)."""
