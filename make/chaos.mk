# Nothing lost, nothing doubled: docs/faults.md. A schedule is a pure function of its seed.
SCHEDULES ?= 3
SEED ?= 7
LANES ?= 2
ROUNDS ?= 3
CHAOS = PYTHONPATH=tests $(BIN)/python -m chaos

.PHONY: chaos chaos-cluster chaos-ci chaos-show chaos-faults chaos-mutations

chaos: $(READY) servers ## SCHEDULES=3 SEED=7: processes and servers under random faults, then compared row for row
	@$(CHAOS) run --schedules $(SCHEDULES) --seed $(SEED) --lanes $(LANES) --certain "$(CERTAIN)" $(LONG) $(EXPIRES)

chaos-cluster: $(READY) ## ROUNDS=3 SEED=7: the same on a cluster that is up: pods, node, operator, servers, an upgrade
	@PYTHONPATH=tests $(BIN)/python -m e2e.chaos --seed $(SEED) --rounds $(ROUNDS)

chaos-ci: $(READY) servers ## what make test plays: 30 schedules, always the same ones
	@$(CHAOS) run --schedules 30 --seed 19 --lanes $(LANES) --least-kills 5

chaos-show: $(READY) ## SEED=7: what happens in a seed's schedule
	@$(CHAOS) show --seed $(SEED)

chaos-faults: $(READY) servers ## ONLY=redis: each fault on its own; writes its row of docs/faults.md
	@$(CHAOS) faults --lanes $(LANES) --only "$(ONLY)" --write docs/faults.md

chaos-mutations: $(READY) servers ## take each guard out of a copy of the packages, and see who notices
	@$(CHAOS) mutations
