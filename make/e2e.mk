# Whole pipelines on a real Kubernetes: docs/cluster.md. E2E_CLUSTER=existing takes the cluster that KUBECONFIG names,
# and images from where E2E_OPERATOR_IMAGE and its siblings (tests/e2e/operator/install.py) say.
E2E_TIMES := build/e2e-times.txt
E2E_SUITE := scripts/suite $(E2E_TIMES)
# Most of their time goes by in waiting, so more of them run side by side than there are cores.
E2E_PROCESSES ?= 4

E2E_CHAOS := tests/e2e/pipeline/test_chaos.py

.PHONY: e2e e2e-tests e2e-chaos

e2e: $(READY) ## bring a cluster up and test everything on it; says what each part took
	@mkdir -p build && rm -rf $(E2E_TIMES) build/e2e
	@$(E2E_SUITE) cluster-up $(MAKE) --no-print-directory cluster-up
ifneq ($(E2E_CLUSTER),existing)
	@$(E2E_SUITE) images $(MAKE) --no-print-directory images
	@$(E2E_SUITE) images-load $(MAKE) --no-print-directory images-load
endif
	@$(E2E_SUITE) tests $(MAKE) --no-print-directory e2e-tests || { \
	  echo "what went on where a test failed: build/e2e/*.txt"; column -t $(E2E_TIMES); exit 1; }
	@echo; echo "seconds per part:"; column -t $(E2E_TIMES)

e2e-tests: $(READY) ## the end-to-end tests alone, on a cluster that is up and has the images
	@$(PYTEST) tests/e2e --ignore $(E2E_CHAOS) -n $(E2E_PROCESSES) --dist loadfile --no-loadscope-reorder --durations=15

# Its data flows as fast as it is worked off: beside others it would slow all of them, and take four times as long.
e2e-chaos: $(READY) ## a round of every fault on the cluster of make e2e, alone
	@$(PYTEST) -s $(E2E_CHAOS)
