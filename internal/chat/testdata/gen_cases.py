"""Writes ../jinja/testdata/cases.json, the differential suite of the interpreter.

Run with Python 3.11 and jinja2 3.1.6: python gen_cases.py
"""

import json
import pathlib

from cases import EXPRS, TEMPLATES, VARS
from env import render

out = []
for source in ["{{ %s }}" % e for e in EXPRS] + TEMPLATES:
    text, error = render(source, json.loads(json.dumps(VARS)))
    out.append({"t": source, "err": error} if text is None else {"t": source, "out": text})

path = pathlib.Path(__file__).parent.parent / "jinja" / "testdata" / "cases.json"
with path.open("w", encoding="utf-8") as f:
    f.write('{"vars": ' + json.dumps(VARS, ensure_ascii=False) + ',\n"cases": [\n')
    f.write(",\n".join(json.dumps(c, ensure_ascii=False) for c in out))
    f.write("\n]}\n")
print(len(out), "cases,", sum("err" in c for c in out), "errors")
