# What shows that nothing is lost or doubled without killing anything: docs/reliability.md.
#   make model EXAMPLES=5000 SEED=7       histories for each server
#   make logrotate ROTATIONS=50 SEED=1    of each mode
#   make half-written                     a file of 10 kB cut at every byte
#   make fuzz SECONDS=600                 rounds with new seeds, until the time is over or something breaks
EXAMPLES ?= 60
INPUTS ?= 100
SECONDS ?= 0
SEED ?= 0
ROTATIONS ?= 50

.PHONY: model fuzz half-written logrotate

logrotate: $(READY) servers ## growing files under the real logrotate in each mode, with kills; lines are counted
	@PYTHONPATH=tests $(BIN)/python -m logrotate --rotations $(ROTATIONS) --seed $(SEED)

half-written: $(READY) ## a file that is being written, looked at after every byte, in every format that grows
	@$(PYTEST) -n 2 --timeout 0 tests/unit/fetcher/objects/test_half_written.py --every-cut

model: $(READY) servers ## the queue against its model: random histories, broken connections, lost replies
	@$(PYTEST) -n 2 --dist load --timeout 0 tests/model --histories $(EXAMPLES) --hypothesis-seed $(SEED)

fuzz: $(READY) servers ## damaged bytes for everything that reads from outside
	@seed=$(SEED); end=$$(( $$(date +%s) + $(SECONDS) )); while \
	  echo "fuzz: seed $$seed, $(INPUTS) inputs for each test"; \
	  $(PYTEST) -n 2 --dist load --timeout 0 tests/fuzz --inputs $(INPUTS) --hypothesis-seed $$seed || \
	    { echo "fuzz: make fuzz SEED=$$seed INPUTS=$(INPUTS) repeats it"; exit 1; }; \
	  [ $$(date +%s) -lt $$end ]; do seed=$$((seed + 1)); done
