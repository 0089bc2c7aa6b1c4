// runc-wrapper calls the real runc with a container whose CAP_SYS_RESOURCE is dropped.
//
// "docker run --privileged", which kind needs, asks runc for every capability. On a machine whose own bounding set
// lacks CAP_SYS_RESOURCE (some sandboxes and small virtual machines) runc refuses the whole container. Without that
// capability nobody may lower an OOM score either, so a negative oomScoreAdj goes too.
//
// "create" and "run" read the container from config.json in the bundle, "exec" from the file named by --process.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const missing = "CAP_SYS_RESOURCE"

// runc is set by the linker: the absolute path of the real one.
var runc = "/usr/sbin/runc"

func main() {
	if path, inner := configOf(os.Args[1:]); path != "" {
		if err := rewrite(path, inner); err != nil {
			fail(err)
		}
	}
	fail(syscall.Exec(runc, append([]string{runc}, os.Args[1:]...), os.Environ()))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "runc-wrapper:", err)
	os.Exit(1)
}

// configOf tells which file describes the process that is about to start, and whether it does so under "process".
func configOf(args []string) (path string, inner bool) {
	bundle, process, verb := ".", "", ""
	for i, arg := range args {
		next := ""
		if i+1 < len(args) {
			next = args[i+1]
		}
		switch {
		case verb == "" && (arg == "create" || arg == "run" || arg == "exec"):
			verb = arg
		case arg == "--bundle" || arg == "-b":
			bundle = next
		case arg == "--process" || arg == "-p":
			process = next
		case strings.HasPrefix(arg, "--bundle="):
			bundle = strings.TrimPrefix(arg, "--bundle=")
		case strings.HasPrefix(arg, "--process="):
			process = strings.TrimPrefix(arg, "--process=")
		}
	}
	switch verb {
	case "create", "run":
		return filepath.Join(bundle, "config.json"), true
	case "exec":
		return process, false
	}
	return "", false
}

func rewrite(path string, inner bool) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // a 64-bit limit does not survive a float
	var config map[string]any
	if err := decoder.Decode(&config); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	process := config
	if inner {
		process, _ = config["process"].(map[string]any)
	}
	drop(process)
	changed, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return os.WriteFile(path, changed, 0o600)
}

func drop(process map[string]any) {
	sets, _ := process["capabilities"].(map[string]any)
	for name, set := range sets {
		kept := []any{}
		list, _ := set.([]any)
		for _, capability := range list {
			if capability != missing {
				kept = append(kept, capability)
			}
		}
		sets[name] = kept
	}
	if score, ok := process["oomScoreAdj"].(json.Number); ok && strings.HasPrefix(score.String(), "-") {
		delete(process, "oomScoreAdj")
	}
}
