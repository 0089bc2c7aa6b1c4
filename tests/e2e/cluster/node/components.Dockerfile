# The images that kubeadm names: each holds one static binary. Built per target by components.py.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE} AS debian

FROM scratch AS binary
ENV PATH=/usr/local/bin
COPY --from=debian /tmp /tmp

FROM binary AS kube-apiserver
COPY kube-apiserver /usr/local/bin/

FROM binary AS kube-controller-manager
COPY kube-controller-manager /usr/local/bin/

FROM binary AS kube-scheduler
COPY kube-scheduler /usr/local/bin/

FROM binary AS etcd
COPY etcd /usr/local/bin/

FROM binary AS coredns
COPY coredns /usr/local/bin/
ENTRYPOINT ["/usr/local/bin/coredns"]

FROM binary AS pause
COPY pause /usr/local/bin/
ENTRYPOINT ["/usr/local/bin/pause"]

FROM debian AS kube-proxy
RUN apt-get update -q \
 && apt-get install -q -y --no-install-recommends conntrack iptables ipset kmod nftables \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*
COPY kube-proxy /usr/local/bin/
