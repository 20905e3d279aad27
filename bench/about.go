package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// about is where the figures come from.
type about struct {
	Machine   string   `json:"machine"`
	Libraries []string `json:"libraries"`
}

// modules are those of the peers.
var modules = map[string]string{
	"gws":        "github.com/lxzan/gws",
	"gorilla":    "github.com/gorilla/websocket",
	"melody":     "github.com/olahol/melody",
	"centrifuge": "github.com/centrifugal/centrifuge",
	"coder":      "github.com/coder/websocket",
	"nhooyr":     "nhooyr.io/websocket",
}

// ask asks the machine, Go and Python.
func (a *about) ask(ctx context.Context, dir string) error {
	kernel, err := output(exec.CommandContext(ctx, "uname", "-r"))
	if err != nil {
		return err
	}
	kernel, _, _ = strings.Cut(kernel, "-")
	a.Machine = fmt.Sprintf("%d cores, %s, Linux %s, %s", runtime.NumCPU(), processor(), kernel, strings.Replace(runtime.Version(), "go", "Go ", 1))

	for _, peer := range peers {
		cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}}", modules[peer])
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off")
		version, err := output(cmd)
		if err != nil {
			return err
		}
		a.Libraries = append(a.Libraries, peer+" "+strings.TrimPrefix(version, "v"))
	}

	requirements, err := os.ReadFile(filepath.Join(dir, "..", "layer", "redislayer", "interop", "python", "requirements-"+channelsRedis+".txt"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(requirements)) {
		switch name, version, _ := strings.Cut(strings.TrimSpace(line), "=="); name {
		case "channels", "channels_redis", "uvicorn", "daphne":
			a.Libraries = append(a.Libraries, name+" "+version)
		}
	}
	return nil
}

// processor returns the model of the processor, or the architecture if the kernel
// doesn't tell.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
