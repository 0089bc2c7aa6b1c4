# Measurements on the cluster of `make cluster-up`, with the images loaded; by hand. BENCH takes options (BENCH="--help").
.PHONY: bench-scaling bench-many bench-many-keda bench-slow-sink takeover

bench-scaling: $(READY) ## this operator and KEDA on the cluster, the same workers and bursts; writes build/bench-scaling.json
	@PYTHONPATH=tests $(BIN)/python -m bench.scaling_on_cluster $(BENCH)

bench-many: $(READY) ## one operator and 1,000 pipelines on the cluster: what idle costs, no write, how soon a change is out
	@PYTHONPATH=tests $(BIN)/python -m bench.many_pipelines $(BENCH)

bench-many-keda: $(READY) ## the same of KEDA and 1,000 ScaledObjects
	@PYTHONPATH=tests $(BIN)/python -m bench.many_scaled_objects $(BENCH)

bench-slow-sink: $(READY) ## a database slowed to a quarter of what arrives, on the cluster: do workers stop growing
	@PYTHONPATH=tests $(BIN)/python -m bench.slow_sink $(BENCH)

takeover: $(READY) ## by hand: a cluster of three nodes; the leading operator's is stopped while work comes, ten times
	@PYTHONPATH=tests $(BIN)/python -m bench.node_takeover $(BENCH)
