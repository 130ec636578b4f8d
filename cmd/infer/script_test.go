package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kvasir/internal/tinymodel"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"infer": main})
}

// TestScripts runs the command lines in testdata/script. Beside the usual
// commands of testscript they have
//
//	tiny FILE [OPTION…]         writes a small model; see tinyOptions
//	cut FILE BYTES              cuts a file
//	exits CODE COMMAND ARG…     runs a command that must exit with a code
//	json PATH VALUE             compares a field of the JSON object on stdout
//	fields NAME…                the JSON object on stdout has these fields only
//	interrupt OUT ERR ARG…      runs infer, sends Ctrl-C at the first output
//	hangup ERR ARG…             runs infer, closes its output after a byte
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   filepath.Join("testdata", "script"),
		Setup: setupScript,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"tiny": scriptTiny, "cut": scriptCut, "exits": scriptExits, "json": scriptJSON, "fields": scriptFields,
			"interrupt": scriptInterrupt, "hangup": scriptHangup,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// setupScript gives each script a store of its own, no network and nothing but
// infer on the path.
func setupScript(e *testscript.Env) error {
	bin, _, _ := strings.Cut(e.Getenv("PATH"), string(filepath.ListSeparator))
	e.Setenv("PATH", bin)
	e.Setenv("KVASIR_HOME", filepath.Join(e.WorkDir, "home"))
	e.Setenv("HF_HOME", filepath.Join(e.WorkDir, "hf"))
	e.Setenv("HF_ENDPOINT", "http://127.0.0.1:1") // nobody listens there
	for _, name := range []string{"KVASIR_CPU", "HF_TOKEN", "HF_HUB_OFFLINE", "NO_COLOR"} {
		e.Setenv(name, os.Getenv(name))
	}
	return nil
}

// tinyOptions are the words that may follow the file name of a tiny model.
var tinyOptions = map[string]func(*tinymodel.Spec){
	"ids":        func(s *tinymodel.Spec) { s.Text = false }, // no vocabulary
	"bos":        func(s *tinymodel.Spec) { s.AddBOS = true },
	"notemplate": func(s *tinymodel.Spec) { s.Template = "-" },
	"badchat":    func(s *tinymodel.Spec) { s.Template = "{% for" },
	"windows":    func(s *tinymodel.Spec) { s.Arch, s.Window = "gemma3", 40 },
}

func scriptTiny(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: tiny FILE [OPTION…]")
	}
	spec := tinymodel.Spec{Arch: "qwen2", Text: true, Context: 512}
	nan := false
	for _, o := range args[1:] {
		if o == "nan" {
			nan = true
			continue
		}
		set, ok := tinyOptions[o]
		if !ok {
			ts.Fatalf("unknown option %q", o)
		}
		set(&spec)
	}
	m, err := tinymodel.New(spec)
	ts.Check(err)
	if nan {
		m.Tensor("output_norm.weight").Fill(float32(math.NaN()))
	}
	ts.Check(m.Write(ts.MkAbs(args[0])))
}

func scriptCut(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG…")
	}
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// stdoutJSON decodes what the last command printed, which must be one value.
func stdoutJSON(ts *testscript.TestScript) any {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	var v any
	ts.Check(d.Decode(&v))
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		ts.Fatalf("more than one JSON value on stdout")
	}
	return v
}

func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: json PATH VALUE")
	}
	v := stdoutJSON(ts)
	for _, key := range strings.Split(args[0], ".") {
		if list, ok := v.([]any); ok {
			i, err := strconv.Atoi(key)
			ts.Check(err)
			v = list[i]
			continue
		}
		object, ok := v.(map[string]any)
		if !ok || object[key] == nil {
			ts.Fatalf("no field %q of %q", key, args[0])
		}
		v = object[key]
	}
	if got := fmt.Sprint(v); (got == args[1]) == neg {
		ts.Fatalf("%s is %q", args[0], got)
	}
}

func scriptFields(ts *testscript.TestScript, neg bool, args []string) {
	object, ok := stdoutJSON(ts).(map[string]any)
	if neg || !ok {
		ts.Fatalf("stdout is no JSON object")
	}
	for _, name := range args {
		if _, ok := object[name]; !ok {
			ts.Fatalf("field %q is missing", name)
		}
		delete(object, name)
	}
	if len(object) > 0 {
		ts.Fatalf("further fields: %v", object)
	}
}

// start runs infer and returns when the first byte of output is there.
func start(ts *testscript.TestScript, errw io.Writer, args []string) (*exec.Cmd, *bufio.Reader, io.Closer) {
	// The executable lies in a folder on the test's own path.
	path, err := exec.LookPath("infer")
	ts.Check(err)
	cmd := exec.Command(path, args...)
	cmd.Dir = ts.Getenv("WORK")
	cmd.Env = append(os.Environ(), "KVASIR_HOME="+ts.Getenv("KVASIR_HOME"))
	cmd.Stderr = errw
	pipe, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	out := bufio.NewReader(pipe)
	if _, err := out.Peek(1); err != nil {
		_ = cmd.Wait()
		ts.Fatalf("no output: %v", err)
	}
	return cmd, out, pipe
}

// wait waits for a command that must end soon.
func wait(ts *testscript.TestScript, cmd *exec.Cmd) *os.ProcessState {
	late := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !late.Stop() {
		ts.Fatalf("it does not end")
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Check(err)
	}
	return cmd.ProcessState
}

func scriptInterrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: interrupt OUT ERR ARG…")
	}
	var errs bytes.Buffer
	cmd, out, _ := start(ts, &errs, args[2:])
	ts.Check(cmd.Process.Signal(os.Interrupt))
	text, err := io.ReadAll(out)
	ts.Check(err)
	state := wait(ts, cmd)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o666))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), errs.Bytes(), 0o666))
	if state.ExitCode() != exitInterrupted {
		ts.Fatalf("ended with %v, want exit code %d; %s", state, exitInterrupted, errs.String())
	}
}

func scriptHangup(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: hangup ERR ARG…")
	}
	var errs bytes.Buffer
	cmd, _, pipe := start(ts, &errs, args[1:])
	ts.Check(pipe.Close())
	state := wait(ts, cmd)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), errs.Bytes(), 0o666))
	if state.Success() {
		ts.Fatalf("it ended as if nothing were wrong")
	}
	if runtime.GOOS != "windows" && state.ExitCode() > exitUsage {
		ts.Fatalf("ended with %v", state)
	}
}
