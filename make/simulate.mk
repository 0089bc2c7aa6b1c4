.PHONY: simulate simulate-docs

simulate: $(READY) ## ours against a grid of KEDA's settings on every ready-made load; fails where one is better
	@$(BIN)/python -m dcp_cli.simulate

simulate-docs: $(READY) ## the same, and draw what docs/autoscaling.md shows
	@$(BIN)/python -m dcp_cli.simulate docs
