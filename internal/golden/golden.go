package golden

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files with what the tests produce")

// Update reports whether the tests run with -update.
func Update() bool { return *update }

// Compare fails the test unless got equals the file at path, usually below
// testdata. With -update it writes the file instead.
func Compare(t testing.TB, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("golden file: %v (go test -update writes it)", err)
	}
	if bytes.Equal(got, want) {
		return
	}
	line, g, w := firstDifference(got, want)
	t.Errorf("%s differs from line %d on:\n got %q\nwant %q", path, line, g, w)
}

// firstDifference returns the number of the first line that differs and its
// two forms.
func firstDifference(got, want []byte) (line int, g, w []byte) {
	for line = 1; ; line++ {
		var moreG, moreW bool
		g, got, moreG = bytes.Cut(got, []byte("\n"))
		w, want, moreW = bytes.Cut(want, []byte("\n"))
		if !bytes.Equal(g, w) || moreG != moreW {
			return line, g, w
		}
		if !moreG {
			return line, nil, nil
		}
	}
}

// JSON is [Compare] for the indented JSON form of got.
func JSON(t testing.TB, path string, got any) {
	t.Helper()
	b, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	Compare(t, path, append(b, '\n'))
}

// Load reads the JSON file at path into dst; a key that dst does not know fails
// the test.
func Load(t testing.TB, path string, dst any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("golden file: %v", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(dst); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
