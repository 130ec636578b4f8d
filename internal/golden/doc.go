// Package golden helps tests to compare with stored results and to get the
// models that some of them need. It is imported by tests only.
package golden
