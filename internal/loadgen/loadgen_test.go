package loadgen

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRunCountsWhatItSees(t *testing.T) {
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n++; n == 3 {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		for i := range 5 {
			fmt.Fprintf(w, "data: {\"i\":%d}\n\n", i)
			w.(http.Flusher).Flush()
			time.Sleep(2 * time.Millisecond)
		}
		fmt.Fprint(w, ": ping\n\ndata: [DONE]\n\n")
	}))
	defer s.Close()
	r, err := Run(context.Background(), Config{URL: s.URL, Concurrency: 1, Requests: 6, Prompt: 3, Output: 5})
	require.NoError(t, err)
	require.Equal(t, 5, r.Requests)
	require.Equal(t, 25, r.Tokens)
	require.Equal(t, map[int]int{200: 5, 429: 1}, r.Status)
	require.Equal(t, 20, r.Gap.N)
	require.Greater(t, r.Gap.P50, 0.001)
	require.Positive(t, r.TokensPerSecond)
	_, err = Run(context.Background(), Config{URL: "http://127.0.0.1:1", Concurrency: 1, Requests: 1})
	require.Error(t, err)
}
