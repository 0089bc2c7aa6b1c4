"""The fetcher: lists sources, streams objects, cuts them into batches and enqueues them. Read loop.py next."""
