package grammar

import "slices"

func readProperties(c *schemaCompiler, s *schema, v value, key string) error {
	if v.kind != '{' {
		return s.wrong(key, "an object")
	}
	s.object = true
	for i, name := range v.keys {
		sub, err := c.parse(v.items[i], s.path+"/"+key+"/"+escapePointer(name))
		if err != nil {
			return err
		}
		s.props = append(s.props, property{name, sub})
	}
	return nil
}

func readRequired(_ *schemaCompiler, s *schema, v value, key string) error {
	if v.kind == 't' || v.kind == 'f' || v.kind != '[' {
		return s.wrong(key, "a list of names")
	}
	s.object = true
	for _, n := range v.items {
		if n.kind != '"' {
			return s.wrong(key, "a list of names")
		}
		if !slices.Contains(s.required, n.text) {
			s.required = append(s.required, n.text)
		}
	}
	return nil
}

func readExtra(c *schemaCompiler, s *schema, v value, key string) (err error) {
	s.object = true
	s.extra, err = c.parse(v, s.path+"/"+key)
	return err
}

func readItems(c *schemaCompiler, s *schema, v value, key string) (err error) {
	s.array = true
	if v.kind == '[' { // as drafts before 2020-12 write prefixItems
		if len(v.items) > 0 {
			s.prefix, err = c.parseList(s, v, key)
		}
		return err
	}
	s.items, err = c.parse(v, s.path+"/"+key)
	return err
}

func readPrefix(c *schemaCompiler, s *schema, v value, key string) (err error) {
	s.array = true
	s.prefix, err = c.parseList(s, v, key)
	return err
}

func readCount(_ *schemaCompiler, s *schema, v value, key string) error {
	n, err := v.count()
	if err != nil {
		return err
	}
	switch key {
	case "minItems":
		s.array, s.minItems = true, n
	case "maxItems":
		s.array, s.maxItems = true, n
	case "minLength":
		s.text, s.minLen = true, n
	default:
		s.text, s.maxLen = true, n
	}
	return nil
}

func readText(_ *schemaCompiler, s *schema, v value, key string) error {
	if v.kind != '"' {
		return s.wrong(key, "a string")
	}
	s.text = true
	if key == "pattern" {
		s.patterns = append(s.patterns, v.text)
		return nil
	}
	if _, ok := formats[v.text]; !ok {
		return &UnsupportedError{Keyword: key, Path: s.path, Reason: "the format " + quote(v.text) + " is not known"}
	}
	s.format = v.text
	return nil
}

func readBound(_ *schemaCompiler, s *schema, v value, key string) error {
	if v.kind == 't' || v.kind == 'f' { // a flag of draft 4, see legacy
		return nil
	}
	r, err := v.rat()
	if err != nil {
		return err
	}
	s.numeric = true
	b := bound{r, key[0] == 'e'}
	if key == "minimum" || key == "exclusiveMinimum" {
		s.lo = tighter(s.lo, b, -1)
	} else {
		s.hi = tighter(s.hi, b, 1)
	}
	return nil
}

// readFalse is for a keyword whose value false means nothing.
func readFalse(_ *schemaCompiler, s *schema, v value, key string) error {
	if v.kind == 'f' {
		return nil
	}
	return &UnsupportedError{Keyword: key, Path: s.path}
}

// readZero is for a keyword whose value 0 means nothing.
func readZero(_ *schemaCompiler, s *schema, v value, key string) error {
	if v.kind == '0' && v.text == "0" {
		return nil
	}
	return &UnsupportedError{Keyword: key, Path: s.path}
}

// formats are regular expressions of the supported formats. Each leaves out what is
// valid only sometimes: leap days and leap seconds.
var formats = map[string]string{
	"date":      date,
	"time":      clock,
	"date-time": date + "[T]" + clock,
	"uuid":      `[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`,
	"ipv4":      octet + `(\.` + octet + `){3}`,
	"email":     `[A-Za-z0-9]([A-Za-z0-9_+-]|\.[A-Za-z0-9]){0,40}@` + host,
	"hostname":  host,
	"uri":       `https?://` + host + `(:[1-9][0-9]{0,3})?(/[A-Za-z0-9_~.-]*){0,20}`,
}

const (
	date  = `[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))`
	clock = `([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])`
	octet = `(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])`
	label = `[A-Za-z0-9]([A-Za-z0-9]|-[A-Za-z0-9]){0,20}`
	host  = label + `(\.` + label + `){0,3}\.[A-Za-z]{2,10}`
)
