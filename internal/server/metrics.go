package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kvasir"
)

// metrics are what the server counts, in a registry of its own.
type metrics struct {
	s   *Server
	reg *prometheus.Registry

	ttft, gap, queue, loads *prometheus.HistogramVec
	took                    *prometheus.HistogramVec
	passes                  *prometheus.HistogramVec
	rows                    *prometheus.HistogramVec
	requests                *prometheus.CounterVec
	prompt, output          *prometheus.CounterVec
	rejected                *prometheus.CounterVec
	gone, slow, panics      prometheus.Counter

	waiting, running, kv, cost *prometheus.Desc
}

func newMetrics(s *Server) *metrics {
	m := &metrics{s: s, reg: prometheus.NewRegistry()}
	m.ttft = m.histogram("infer_ttft_seconds", "Time to the first token.", []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}, "model")
	m.gap = m.histogram("infer_token_gap_seconds", "Time between tokens of a stream.",
		[]float64{.001, .0025, .005, .0075, .01, .015, .02, .03, .05, .075, .1, .15, .2, .3, .5, 1, 2}, "model")
	m.queue = m.histogram("infer_queue_seconds", "Time in the queue.", prometheus.ExponentialBuckets(.001, 4, 9), "model")
	m.took = m.histogram("infer_request_seconds", "Duration of requests.", prometheus.ExponentialBuckets(.001, 3, 12), "route")
	m.passes = m.histogram("infer_pass_seconds", "Duration of passes.", prometheus.ExponentialBuckets(.001, 1.6, 14), "model")
	m.rows = m.histogram("infer_pass_rows", "Rows of a pass by kind.", []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}, "model", "kind")
	m.loads = m.histogram("infer_model_load_seconds", "Duration of loading.", prometheus.ExponentialBuckets(.05, 2, 12), "model")
	m.requests = m.counter("infer_requests_total", "Requests by route and status.", "route", "status")
	m.prompt = m.counter("infer_prompt_tokens_total", "Tokens of prompts.", "model")
	m.output = m.counter("infer_output_tokens_total", "Generated tokens.", "model")
	m.rejected = m.counter("infer_rejected_total", "Requests that were refused, by code.", "reason")
	one := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		m.reg.MustRegister(c)
		return c
	}
	m.gone = one("infer_cancelled_total", "Requests whose client left.")
	m.slow = one("infer_slow_clients_total", "Clients that were cut because they did not read.")
	m.panics = one("infer_panics_total", "Panics; must stay 0.")
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, append([]string{"model"}, labels...), nil)
	}
	m.waiting = desc("infer_queue_length", "Requests that wait.")
	m.running = desc("infer_running", "Sequences that run.")
	m.kv = desc("infer_kv_bytes", "Cache bytes by state.", "state")
	m.cost = desc("infer_cost_error_ratio", "Mean relative error of predicted pass durations.")
	m.reg.MustRegister(m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets, NativeHistogramBucketFactor: 1.1}, labels)
	m.reg.MustRegister(h)
	return h
}

func (m *metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.reg.MustRegister(c)
	return c
}

// Describe names the gauges that are read when they are asked for.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.waiting, m.running, m.kv, m.cost} {
		ch <- d
	}
}

// Collect reads the engines.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, name := range m.s.host.order {
		eng := m.s.host.by[name].loaded()
		if eng == nil {
			continue
		}
		st, mem := eng.SchedulerStats(), eng.Stats()
		gauge(m.waiting, float64(st.Waiting), name)
		gauge(m.running, float64(st.Sequences), name)
		gauge(m.kv, float64(mem.CacheBytes), name, "used")
		gauge(m.kv, float64(st.ReservedBytes), name, "reserved")
		gauge(m.kv, float64(st.PoolBytes), name, "pool")
		gauge(m.cost, st.CostError, name)
	}
}

// request counts a request that has ended.
func (m *metrics) request(x *requestInfo, took time.Duration) {
	m.requests.WithLabelValues(x.route.path, strconv.Itoa(x.status)).Inc()
	m.took.WithLabelValues(x.route.path).Observe(took.Seconds())
	if x.prompt > 0 {
		m.prompt.WithLabelValues(x.model).Add(float64(x.prompt))
		m.output.WithLabelValues(x.model).Add(float64(x.output))
	}
	if x.failed == nil {
		return
	}
	if api := asAPIError(x.failed); api.status == statusClientGone {
		m.gone.Inc()
	} else {
		m.rejected.WithLabelValues(api.code).Inc()
	}
}

// pass returns what is told about the passes of a model.
func (m *metrics) pass(model string) func(kvasir.PassInfo) {
	took, decode, prompt := m.passes.WithLabelValues(model), m.rows.WithLabelValues(model, "decode"), m.rows.WithLabelValues(model, "prompt")
	return func(p kvasir.PassInfo) {
		took.Observe(p.Took.Seconds())
		if p.Decodes > 0 {
			decode.Observe(float64(p.Decodes))
		}
		if p.Prompts > 0 {
			prompt.Observe(float64(p.Prompts))
		}
	}
}

// Admin answers the operator: metrics, and the state of the scheduler.
func (s *Server) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/sched", func(w http.ResponseWriter, _ *http.Request) {
		out := map[string]kvasir.SchedulerStats{}
		for _, name := range s.host.order {
			if eng := s.host.by[name].loaded(); eng != nil {
				out[name] = eng.SchedulerStats()
			}
		}
		writeJSON(w, http.StatusOK, out)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.checkHost(r); err != nil {
			http.Error(w, "host not allowed", http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
