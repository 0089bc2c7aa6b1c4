# A real Kubernetes under the tests: docs/cluster.md. PYTHON is the virtual environment's.
CLUSTER = PYTHONPATH=tests $(or $(PYTHON),.venv/bin/python) -m e2e.cluster

.PHONY: cluster-up cluster-down cluster-status cluster-purge images images-load images-lock
cluster-up: ## A real cluster by kind; builds what no registry serves (once: 20 minutes)
	$(CLUSTER) up
cluster-down: ## End it, and the Docker engine that was started for it
	$(CLUSTER) down
cluster-status: ## Engine, cluster, kubeconfig
	@$(CLUSTER) status
cluster-purge: ## End it, and delete everything that was built for it
	$(CLUSTER) purge
images: ## Build the container images of the project and of its tests
	$(CLUSTER) images
images-load: ## Take the images into the cluster's node
	$(CLUSTER) images-load
images-lock: ## Lock each image's dependencies by hash, from pyproject's extras
	for extra in operator fetcher worker; do \
	  uv pip compile -q pyproject.toml --extra $$extra --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-header -o requirements/$$extra.txt; \
	done
