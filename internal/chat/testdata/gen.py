"""Writes the goldens of the template suite: every template of a folder rendered
over every conversation by the reference.

  python conversations.py        writes conversations.json
  python gen.py                  templates/ and ../builtin/ to goldens.json.gz
  python gen.py DIR OUT.json.gz  any other folder of .jinja files

A golden is the output, or {"err": message} where the reference raises.
"""

import gzip
import json
import pathlib
import sys

from env import render

here = pathlib.Path(__file__).parent


def goldens(folder, conversations):
    out = {}
    for path in sorted(folder.glob("*.jinja")):
        source = path.read_text(encoding="utf-8")
        out[path.stem] = {}
        for name, text in conversations.items():
            output, error = render(source, json.loads(text))
            out[path.stem][name] = output if error is None else {"err": error}
    return out


def main(args):
    conversations = json.loads((here / "conversations.json").read_text(encoding="utf-8"))
    conversations = {k: json.dumps(v) for k, v in conversations.items()}
    if args:
        result, target = goldens(pathlib.Path(args[0]), conversations), pathlib.Path(args[1])
    else:
        result, target = goldens(here / "templates", conversations), here / "goldens.json.gz"
        for name, golden in goldens(here.parent / "builtin", conversations).items():
            result["builtin/" + name] = golden
    data = json.dumps(result, ensure_ascii=False, indent=0).encode()
    target.write_bytes(gzip.compress(data, 9, mtime=0))
    n = sum(len(g) for g in result.values())
    bad = sum(not isinstance(o, str) for g in result.values() for o in g.values())
    print(f"{len(result)} templates, {n} renders of which {bad} raise, {len(data)} bytes, {target.stat().st_size} packed")


main(sys.argv[1:])
