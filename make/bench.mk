# Speed beside the database's own and beside peers: docs/benchmarks.md. BENCH takes options, such as "--pairs 1".
BENCH ?=

.PHONY: bench

bench: $(READY) servers ## ours, LOAD DATA and peers, alternating on this machine; writes build/bench.json (BENCH="--help")
	@PYTHONPATH=tests $(BIN)/python -m bench $(BENCH)
