package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kvasir/internal/server"
)

// serveFlags are the flags of `infer serve`.
type serveFlags struct {
	model    modelFlags
	models   []string
	listen   string
	admin    string
	keys     string
	insecure bool
	logJSON  bool
	cfg      server.Config
}

func (a *app) serveCommand() *cobra.Command {
	f := &serveFlags{}
	f.model.opts.PrefixBytes = 256 << 20
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer HTTP requests: OpenAI's and Ollama's API, and a page for the browser",
		Long: `Answer HTTP requests with one or more models: OpenAI's API under /v1, the part
of Ollama's that reads and chats under /api, and a page for the browser at /.

Requests share passes: the weights are read once for all of them, long prompts
are computed in pieces between the tokens of the others, and what a request
gets does not depend on its neighbours.

Without --keys-file it listens on the loopback interface only. Metrics for
Prometheus are on the admin address.`,
		Example: `  infer serve -m smollm2
  infer key new alice >> keys && chmod 600 keys
  infer serve -m model.gguf --listen 0.0.0.0:8080 --keys-file keys`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context(), f) },
	}
	f.model.bind(cmd)
	fl := cmd.Flags()
	fl.StringArrayVar(&f.models, "also", nil, "another model to serve, as NAME=MODEL or MODEL (may be repeated)")
	fl.StringVar(&f.listen, "listen", "127.0.0.1:8080", "address to listen on")
	fl.StringVar(&f.admin, "admin", "127.0.0.1:8081", "address of /metrics and /debug/sched; off = none")
	fl.StringVar(&f.keys, "keys-file", "", "file of keys; see 'infer key new'")
	fl.BoolVar(&f.insecure, "insecure", false, "listen without keys where others can reach it")
	fl.StringArrayVar(&f.cfg.Hosts, "allowed-host", nil, "a further name that clients know this server by (may be repeated)")
	fl.StringArrayVar(&f.cfg.Origins, "allow-origin", nil, "a page elsewhere that may use this server, as https://example.com (may be repeated)")
	fl.IntVar(&f.cfg.MaxRunning, "max-running", 0, "most sequences that run at a time; 0 = 64")
	fl.IntVar(&f.cfg.MaxWaiting, "max-waiting", 0, "most requests that wait; 0 = 256")
	fl.IntVar(&f.cfg.MaxPerKey, "max-waiting-per-key", 0, "most requests that wait for one key; 0 = 64")
	fl.IntVar(&f.cfg.MaxOutput, "max-output", 0, "most tokens of an answer; 0 = the context")
	fl.DurationVar(&f.cfg.QueueTimeout, "queue-timeout", time.Minute, "how long a request may wait to start")
	fl.DurationVar(&f.cfg.RequestTimeout, "request-timeout", 0, "how long a request may take; 0 = for ever")
	fl.DurationVar(&f.cfg.WriteTimeout, "write-timeout", 15*time.Second, "how long a client may read nothing")
	fl.DurationVar(&f.cfg.Drain, "drain", 30*time.Second, "how long running requests may go on after SIGTERM")
	fl.DurationVar(&f.cfg.KeepAlive, "keep-alive", 0, "unload a model that was not used for so long; 0 = never")
	fl.BoolVar(&f.cfg.Unsplit, "unsplit", false, "compute long prompts in one go, whoever waits (to measure against)")
	fl.BoolVar(&f.logJSON, "log-json", false, "log in JSON")
	return cmd
}

// serve runs until ctx ends.
func (a *app) serve(ctx context.Context, f *serveFlags) error {
	if err := f.model.opts.Validate(); err != nil {
		return usageError{err}
	}
	if err := server.CheckListen(f.listen, f.keys != "", f.insecure); err != nil {
		return usageError{err}
	}
	f.cfg.Options, f.cfg.Version = f.model.opts, currentVersion().Version
	f.cfg.Log = slog.New(slog.NewTextHandler(a.err, nil))
	if f.logJSON {
		f.cfg.Log = slog.New(slog.NewJSONHandler(a.err, nil))
	}
	if f.keys != "" {
		var err error
		if f.cfg.Keys, err = server.OpenKeyring(f.keys); err != nil {
			return err
		}
	}
	if err := a.serveModels(ctx, f); err != nil {
		return err
	}
	// Workers are not preempted; others need room beside them.
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2)
	}
	s, err := server.New(f.cfg)
	if err != nil {
		return err
	}
	defer s.Close()
	l, err := net.Listen("tcp", f.listen)
	if err != nil {
		return err
	}
	if err := a.serveAdmin(ctx, f, s); err != nil {
		return err
	}
	failed := make(chan error, 1)
	serving, end := context.WithCancel(ctx)
	defer end()
	go func() {
		err := s.Load(ctx)
		if err == nil {
			fmt.Fprintf(a.err, "serving %s at http://%s/\n", strings.Join(s.Models(), ", "), l.Addr())
			return
		}
		failed <- err
		end()
	}()
	err = s.Serve(serving, l)
	select {
	case lerr := <-failed:
		return lerr
	default:
		return err
	}
}

// serveModels finds the files of the models.
func (a *app) serveModels(ctx context.Context, f *serveFlags) error {
	for _, ref := range append([]string{f.model.ref}, f.models...) {
		name, rest, ok := strings.Cut(ref, "=")
		if ok && !strings.ContainsAny(name, "/:") {
			ref = rest
		} else {
			name = ""
		}
		path, err := a.resolve(ctx, ref)
		if err != nil {
			return err
		}
		if name == "" && !strings.ContainsAny(ref, "/\\") && !strings.HasSuffix(ref, ".gguf") && !strings.Contains(ref, "==") {
			name = ref // a short name from `infer list`
		}
		f.cfg.Models = append(f.cfg.Models, server.ModelSpec{Name: name, Path: path})
	}
	return nil
}

// serveAdmin answers the operator on an address of its own.
func (a *app) serveAdmin(ctx context.Context, f *serveFlags, s *server.Server) error {
	if f.admin == "off" {
		return nil
	}
	if err := server.CheckListen(f.admin, false, f.insecure); err != nil {
		return usageError{fmt.Errorf("--admin: %w", err)}
	}
	l, err := net.Listen("tcp", f.admin)
	if err != nil {
		return fmt.Errorf("--admin: %w", err)
	}
	hs := &http.Server{Handler: s.Admin(), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := hs.Serve(l); err != nil && ctx.Err() == nil {
			f.cfg.Log.Error("admin", "error", err.Error())
		}
	}()
	context.AfterFunc(ctx, func() { _ = hs.Close() })
	return nil
}

// keyCommand makes keys.
func (a *app) keyCommand() *cobra.Command {
	key := &cobra.Command{Use: "key", Short: "Keys for infer serve", Args: subcommandOnly, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	key.AddCommand(&cobra.Command{
		Use:   "new NAME",
		Short: "Make a key: its line for the file on standard output, the key itself on standard error, once",
		Args:  exactArgs(1, "one name"),
		RunE: func(_ *cobra.Command, args []string) error {
			secret, line, err := server.NewKey(args[0])
			if err != nil {
				return usageError{err}
			}
			fmt.Fprintln(a.out, line)
			fmt.Fprintf(a.err, "the key of %s, shown only now: %s\n", args[0], secret)
			return nil
		},
	})
	return key
}
