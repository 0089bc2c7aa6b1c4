"""What fetcher, worker, operator and command line share: the spec, the queue, the ledger's contract."""
