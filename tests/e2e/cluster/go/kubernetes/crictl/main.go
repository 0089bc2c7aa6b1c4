// crictl, as much of it as kind calls: "images" and "inspecti IMAGE". The real one is no dependency of Kubernetes,
// and its module would bring a second, older copy of everything.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	remote "k8s.io/cri-client/pkg"
	"k8s.io/klog/v2"
)

const (
	socket  = "unix:///run/containerd/containerd.sock"
	timeout = 30 * time.Second
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: crictl images | inspecti IMAGE")
	}
	logger := klog.Background()
	images, err := remote.NewRemoteImageService(socket, timeout, nil, &logger)
	if err != nil {
		return err
	}
	switch args[0] {
	case "images":
		listed, err := images.ListImages(ctx, nil)
		if err != nil {
			return err
		}
		for _, image := range listed {
			fmt.Println(image.Id, image.Size, strings.Join(image.RepoTags, ","))
		}
		return nil
	case "inspecti":
		name := args[len(args)-1]
		found, err := images.ImageStatus(ctx, &runtimeapi.ImageSpec{Image: name}, true)
		if err != nil {
			return err
		}
		if found.Image == nil {
			// kind reads this failure as "not in the node yet" and loads the image.
			return fmt.Errorf("no such image %q present", name)
		}
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"status": map[string]any{
			"id": found.Image.Id, "repoTags": found.Image.RepoTags, "repoDigests": found.Image.RepoDigests,
		}})
	}
	return fmt.Errorf("crictl here knows only images and inspecti, not %q", args[0])
}
