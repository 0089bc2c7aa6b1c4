# The Helm chart and the plain manifests: docs/kubernetes.md.
.PHONY: charts charts-test

charts: $(READY) ## lint and render the chart, compare it with the manifests (needs the tools of cluster-up, no cluster)
	@$(PYTEST) tests/unit/charts tests/e2e/helm/test_rendering.py

charts-test: $(READY) ## the guide's commands on the cluster: install, clean, upgrade, uninstall, adopt
	@$(PYTEST) tests/e2e/helm
