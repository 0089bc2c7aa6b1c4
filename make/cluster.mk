# A real Kubernetes under the tests: docs/cluster.md.
CLUSTER = PYTHONPATH=tests $(BIN)/python -m e2e.cluster

.PHONY: cluster-up cluster-down cluster-status cluster-purge cluster-test images images-load

cluster-up: $(READY) ## a real cluster by kind; builds what no registry serves (once, 20 minutes)
	@$(CLUSTER) up

cluster-down: $(READY) ## end the cluster, and the Docker engine that was started for it
	@$(CLUSTER) down

cluster-status: $(READY) ## engine, cluster, kubeconfig
	@$(CLUSTER) status

cluster-purge: $(READY) ## end the cluster and delete everything that was built for it
	@$(CLUSTER) purge

cluster-test: $(READY) ## what the end-to-end tests take for granted of a cluster
	@$(PYTEST) tests/e2e/test_cluster.py

images: $(READY) ## build the container images of the project and of its tests
	@$(CLUSTER) images

images-load: $(READY) ## take the images into the cluster's node
	@$(CLUSTER) images-load
