// Package jinja is an interpreter for the part of the Jinja template language
// that chat templates use. It follows Jinja 3.1 as chat libraries set it up:
// trim_blocks and lstrip_blocks on, loop controls on, autoescape off, the
// default undefined type, and tojson as plain json.dumps without ASCII
// escaping.
//
// Three things set it apart from a port. Strings carry marks that say which
// bytes came from the caller's input rather than from the template, so that
// text of a user can never turn into a control token (see [Str.Spans]).
// Dicts keep insertion order. And a render runs under [Limits]: a hostile
// template ends in an error that wraps [ErrLimit], never in a hang, a panic or
// unbounded memory.
//
// Left out, and refused by name when parsed: include, import, from, extends,
// block, autoescape and trans. Departures from Python: integers are 64 bit and
// overflow is an error, generators made by filters are computed eagerly and
// may be passed to tojson, and lists may be changed by their methods (append,
// pop), which the strictest sandbox of the reference forbids.
package jinja
