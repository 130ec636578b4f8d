package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// binaries are the programs that are compared.
type binaries struct {
	infer                     string
	bench, batched, complete  string
	peerVersion, inferVersion string
	temp                      string
}

//go:embed build.sh
var buildScript string

// prepare builds what has to be built and finds the rest.
func prepare(ctx context.Context, c *config, log io.Writer) (*binaries, error) {
	b := &binaries{}
	var err error
	if b.temp, err = os.MkdirTemp("", "peer"); err != nil {
		return nil, err
	}
	if err = b.fill(ctx, c, log); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *binaries) close() { _ = os.RemoveAll(b.temp) } // a leftover does no harm

func (b *binaries) fill(ctx context.Context, c *config, log io.Writer) error {
	dir := c.peer
	if c.build != "" {
		dir = c.build
		if _, err := findPeer(dir); err != nil {
			if err := buildPeer(ctx, c, b.temp, log); err != nil {
				return fmt.Errorf("build the peer in %s: %w", dir, err)
			}
		}
		if err := checkISA(dir, c.isa); err != nil {
			return err
		}
	}
	dir, err := findPeer(dir)
	if err != nil {
		return err
	}
	b.bench, b.batched, b.complete = program(dir, "llama-bench"), program(dir, "llama-batched-bench"), program(dir, "llama-completion")
	b.peerVersion = firstLine(ctx, b.bench, "--version")
	b.infer = c.infer
	if b.infer == "" {
		if b.infer, err = buildInfer(ctx, b.temp); err != nil {
			return err
		}
	}
	if b.inferVersion = firstLine(ctx, b.infer, "version"); b.inferVersion == "" {
		return fmt.Errorf("%s: `infer version` prints nothing", b.infer)
	}
	return nil
}

// program adds what the system puts behind the names of programs.
func program(dir, name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(dir, name)
}

// findPeer returns the folder of llama-bench in or below dir.
func findPeer(dir string) (string, error) {
	for _, sub := range []string{"", "bin", "build/bin", "llama.cpp/build/bin"} {
		d := filepath.Join(dir, filepath.FromSlash(sub))
		if st, err := os.Stat(program(d, "llama-bench")); err == nil && st.Mode().IsRegular() {
			return filepath.Abs(d)
		}
	}
	return "", fmt.Errorf("no llama-bench in %s, nor below it in bin, build/bin or llama.cpp/build/bin", dir)
}

// buildPeer runs the build script.
func buildPeer(ctx context.Context, c *config, temp string, log io.Writer) error {
	script := filepath.Join(temp, "build.sh")
	if err := os.WriteFile(script, []byte(buildScript), 0o700); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "bash", script, c.build, c.isa)
	cmd.Stdout, cmd.Stderr = log, log
	return cmd.Run()
}

// checkISA compares what a folder was built for, which the script wrote down.
func checkISA(dir, want string) error {
	b, err := os.ReadFile(filepath.Join(dir, "isa"))
	if err != nil {
		return fmt.Errorf("what %s was built for is unknown (%w): use it with -peer, or build in another folder", dir, err)
	}
	if got := strings.TrimSpace(string(b)); got != want {
		return fmt.Errorf("%s was built for %s: build for %s in another folder", dir, got, want)
	}
	return nil
}

// buildInfer builds the command of the module that this program is part of.
func buildInfer(ctx context.Context, temp string) (string, error) {
	path := program(temp, "infer")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "kvasir/cmd/infer")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build infer: %w: %s", err, bytes.TrimSpace(out))
	}
	return path, nil
}

// firstLine returns the first line that a program prints, "" when it fails.
func firstLine(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}
