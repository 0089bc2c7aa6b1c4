# Speed beside the database's own and beside peers: docs/benchmarks.md. BENCH takes options, such as "--pairs 1".
BENCH ?=
BENCH_VENV := .venv-bench
BENCH_READY := $(BENCH_VENV)/.ready
BENCH_RUN = PYTHONPATH=tests $(BIN)/python -m

.PHONY: bench bench-scale bench-small bench-years bench-setup cold-start

bench: $(READY) $(BENCH_READY) servers ## ours, LOAD DATA and peers, alternating on this machine; writes build/bench.json and docs/benchmarks.md
	@$(BENCH_RUN) bench $(BENCH)

bench-scale: $(READY) servers ## how cost grows with records, columns, rules and addresses; what the queue adds (BENCH="--max 1000000")
	@$(BENCH_RUN) bench.scale $(BENCH)

bench-small: $(READY) servers ## what files of five records cost, on SQLite and MariaDB, beside a plain loop (BENCH="--files 1000")
	@$(BENCH_RUN) bench.small_files $(BENCH)

bench-years: $(READY) servers ## what a row costs in a table that has grown for years; hours (BENCH="--millions 1 2 3 --pool 16")
	@$(BENCH_RUN) bench.years $(BENCH)

cold-start: $(READY) servers ## from a worker's process start to its first claimed batch
	@$(BENCH_RUN) bench.cold_start $(BENCH)

bench-setup: $(BENCH_READY) ## what the peers of the benchmark need, in a venv of their own

$(BENCH_READY): $(READY) requirements/bench.txt
	@test -x $(BENCH_VENV)/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(BENCH_VENV)
	$(BIN)/uv pip sync --quiet --python $(BENCH_VENV)/bin/python --require-hashes --compile-bytecode requirements/bench.txt
	@touch $@

.PHONY: bench-bounds
bench-bounds: $(READY) ## bombs of each kind: peak memory and seconds of who reads them (docs/security.md)
	@PYTHONPATH=$(CURDIR)/tests $(BIN)/python -m bench.bounds $(BENCH)
