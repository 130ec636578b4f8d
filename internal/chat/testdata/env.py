"""The reference: Jinja set up as chat libraries set it up."""

import datetime
import json

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import SandboxedEnvironment

NOW = datetime.datetime(2026, 3, 9, 14, 5, 7)


class Generation(Extension):
    """{% generation %} only records positions in the reference; here it is a scope."""

    tags = {"generation"}

    def parse(self, parser):
        lineno = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(lineno)

    def _body(self, caller):
        return caller()


def raise_exception(message):
    raise TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    # The libraries forbid methods that change lists and dicts; the runtime
    # allows them, so the goldens do too.
    env = SandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


def render(source, variables):
    """Returns (output, None) or (None, message)."""
    try:
        return environment().from_string(source).render(**variables), None
    except Exception as e:  # whatever Python raises counts as an error of the template
        return None, f"{type(e).__name__}: {e}"
