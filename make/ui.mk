# The page: docs/ui.md.
.PHONY: screenshots

screenshots: $(READY) servers ## the page's pictures in docs/ui, anew; ONLY="glance narrow" takes some
	@$(BIN)/python scripts/screenshots.py $(ONLY)

.PHONY: bench-ui
bench-ui: $(READY) servers ## the page with 1,000 pipelines and with 1,000,000 objects: times of each page
	@PYTHONPATH=tests $(BIN)/python -m bench.looking
