"""The worker: cleans and enriches batches and commits them to the sink exactly once. Read loop.py next."""
