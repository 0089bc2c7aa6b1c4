"""The fetcher's ground: what may go wrong, what it needs of others, waiting that can be stopped, progress."""
