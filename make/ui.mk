# The page: docs/ui.md.
.PHONY: screenshots

screenshots: $(READY) servers ## the page's pictures in docs/ui, anew; ONLY="glance narrow" takes some
	@$(BIN)/python scripts/screenshots.py $(ONLY)
