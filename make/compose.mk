# packaging/compose, really run: on the engine of make cluster-up, with the images of make images.
COMPOSE := build/compose/bin/docker-compose

.PHONY: compose-test

compose-test: $(READY) $(COMPOSE) ## run the Compose file on the engine of make cluster-up (after make images)
	@COMPOSE=$(abspath $(COMPOSE)) $(PYTEST) --timeout 1800 tests/compose

$(COMPOSE): requirements/compose.txt
	@$(BIN)/uv pip install --quiet --target build/compose --require-hashes --no-deps -r requirements/compose.txt
	@touch $@
