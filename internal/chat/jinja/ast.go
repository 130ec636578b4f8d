package jinja

import "fmt"

// expr is an expression node.
type expr interface {
	eval(x *interp) (Value, error)
	// where returns the line of the node and the name of its construct.
	where() (line int, construct string)
}

// stmt is a statement node.
type stmt interface {
	exec(x *interp) (flow, error)
	where() (line int, construct string)
}

// target is the left side of an assignment or loop.
type target interface {
	assign(x *interp, v Value) error
}

// flow says how a statement ended.
type flow uint8

const (
	flowNext flow = iota
	flowBreak
	flowContinue
)

// at is the line of a node.
type at int

type (
	constExpr struct {
		at
		v Value
	}
	nameExpr struct {
		at
		name string
	}
	seqExpr struct { // list or tuple literal
		at
		items []expr
		tuple bool
	}
	dictExpr struct {
		at
		keys, vals []expr
	}
	condExpr struct {
		at
		test, then, other expr // other may be nil
	}
	logicExpr struct {
		at
		left, right expr
		or          bool
	}
	notExpr struct {
		at
		e expr
	}
	signExpr struct {
		at
		e   expr
		neg bool
	}
	binaryExpr struct {
		at
		op          string
		left, right expr
	}
	compareExpr struct { // a < b <= c …
		at
		first expr
		ops   []string
		rest  []expr
	}
	concatExpr struct { // a ~ b ~ c …
		at
		items []expr
	}
	attrExpr struct {
		at
		e    expr
		name string
	}
	itemExpr struct {
		at
		e, index expr
	}
	sliceExpr struct {
		at
		e            expr
		lo, hi, step expr // each may be nil
	}
	callExpr struct {
		at
		fn   expr
		args argList
	}
	filterExpr struct { // e is nil in a filter block: the block's text
		at
		e    expr
		name string
		args argList
	}
	testExpr struct {
		at
		e    expr
		name string
		args argList
	}
)

// argList is the arguments of a call as written.
type argList struct {
	pos      []expr
	kwNames  []string
	kwVals   []expr
	star     expr // *args, or nil
	starStar expr // **kwargs, or nil
}

type (
	textStmt struct {
		at
		text *Str
	}
	printStmt struct {
		at
		e expr
	}
	exprStmt struct { // {% do %}
		at
		e expr
	}
	setStmt struct {
		at
		to target
		e  expr
	}
	setBlock struct {
		at
		to     target
		filter expr // chain of filterExpr ending in one whose e is nil, or nil
		body   []stmt
	}
	ifStmt struct {
		at
		tests  []expr
		bodies [][]stmt
		other  []stmt
	}
	forStmt struct {
		at
		to        target
		seq       expr
		filter    expr // may be nil
		recursive bool
		body      []stmt
		other     []stmt
	}
	macroStmt struct {
		at
		def *macroDef
	}
	callBlock struct {
		at
		call   *callExpr
		caller *macroDef
	}
	filterBlock struct {
		at
		filter expr
		body   []stmt
	}
	withStmt struct {
		at
		to   []target
		vals []expr
		body []stmt
	}
	scopeStmt struct { // {% generation %}
		at
		body []stmt
	}
	jumpStmt struct {
		at
		to flow
	}
)

// macroDef is the fixed part of a macro or of the body of a call block.
type macroDef struct {
	name     string
	params   []string
	defaults []expr // of the last len(defaults) parameters
	body     []stmt
	caller   bool // the body mentions caller
	kwargs   bool // … kwargs
	varargs  bool // … varargs
}

type (
	nameTarget  struct{ name string }
	nsTarget    struct{ name, attr string }
	tupleTarget struct{ items []target }
)

func (n *constExpr) where() (int, string)   { return int(n.at), "literal" }
func (n *nameExpr) where() (int, string)    { return int(n.at), fmt.Sprintf("name %q", n.name) }
func (n *seqExpr) where() (int, string)     { return int(n.at), "list or tuple" }
func (n *dictExpr) where() (int, string)    { return int(n.at), "dict" }
func (n *condExpr) where() (int, string)    { return int(n.at), "inline if" }
func (n *logicExpr) where() (int, string)   { return int(n.at), "and/or" }
func (n *notExpr) where() (int, string)     { return int(n.at), "not" }
func (n *signExpr) where() (int, string)    { return int(n.at), "sign" }
func (n *binaryExpr) where() (int, string)  { return int(n.at), fmt.Sprintf("operator %q", n.op) }
func (n *compareExpr) where() (int, string) { return int(n.at), fmt.Sprintf("operator %q", n.ops[0]) }
func (n *concatExpr) where() (int, string)  { return int(n.at), `operator "~"` }
func (n *attrExpr) where() (int, string)    { return int(n.at), fmt.Sprintf("attribute %q", n.name) }
func (n *itemExpr) where() (int, string)    { return int(n.at), "subscript" }
func (n *sliceExpr) where() (int, string)   { return int(n.at), "slice" }
func (n *filterExpr) where() (int, string)  { return int(n.at), fmt.Sprintf("filter %q", n.name) }
func (n *testExpr) where() (int, string)    { return int(n.at), fmt.Sprintf("test %q", n.name) }

func (n *callExpr) where() (int, string) {
	switch fn := n.fn.(type) {
	case *nameExpr:
		return int(n.at), fmt.Sprintf("call of %q", fn.name)
	case *attrExpr:
		return int(n.at), fmt.Sprintf("call of %q", fn.name)
	}
	return int(n.at), "call"
}

func (n *textStmt) where() (int, string)    { return int(n.at), "text" }
func (n *printStmt) where() (int, string)   { return int(n.at), "output" }
func (n *exprStmt) where() (int, string)    { return int(n.at), "do" }
func (n *setStmt) where() (int, string)     { return int(n.at), "set" }
func (n *setBlock) where() (int, string)    { return int(n.at), "set block" }
func (n *ifStmt) where() (int, string)      { return int(n.at), "if" }
func (n *forStmt) where() (int, string)     { return int(n.at), "for loop" }
func (n *macroStmt) where() (int, string)   { return int(n.at), fmt.Sprintf("macro %q", n.def.name) }
func (n *callBlock) where() (int, string)   { return int(n.at), "call block" }
func (n *filterBlock) where() (int, string) { return int(n.at), "filter block" }
func (n *withStmt) where() (int, string)    { return int(n.at), "with" }
func (n *scopeStmt) where() (int, string)   { return int(n.at), "generation block" }
func (n *jumpStmt) where() (int, string)    { return int(n.at), "break or continue" }
