#!/bin/sh
# Puts the images of a `docker save` archive into containerd's store below /var/lib/containerd, without unpacking.
set -eu
containerd --config "$(dirname "$0")/containerd.toml" &
server=$!
tries=0
until ctr --address /tmp/containerd.sock version > /dev/null 2>&1; do
  tries=$((tries + 1))
  [ $tries -lt 100 ] || { echo "containerd does not answer" >&2; exit 1; }
  sleep 0.2
done
ctr --address /tmp/containerd.sock --namespace k8s.io images import --all-platforms --no-unpack "$1"
kill $server
wait $server || true
