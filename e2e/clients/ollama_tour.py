"""Tour of the ollama client against a running server.

    python ollama_tour.py http://127.0.0.1:8080
"""
import sys

import ollama

client = ollama.Client(host=sys.argv[1])
model = client.list().models[0].model
ask = [{"role": "user", "content": "Name three colours."}]
options = {"temperature": 0, "num_predict": 12}


def step(name):
    print("ok", name, flush=True)


assert client.show(model).details.family
step("list and show")
whole = client.chat(model, ask, options=options).message.content
parts = list(client.chat(model, ask, options=options, stream=True))
assert "".join(p.message.content for p in parts) == whole and parts[-1].done and parts[-1].eval_count > 0
step("chat, whole and streamed")
r = client.generate(model, "Say hi.", options=options)
assert r.response and r.context
more = client.generate(model, " And again.", context=r.context, options=options)
assert more.response is not None
assert "".join(p.response for p in client.generate(model, "Say hi.", options=options, stream=True)) == r.response
step("generate, with context and streamed")
assert len(client.embed(model, ["a", "b"]).embeddings) == 2
assert len(client.embeddings(model, "a").embedding) > 0
step("embed")
assert client.ps().models[0].model == model
step("ps")


def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
      a: the first
      b: the second
    """
    return a + b


r = client.chat(model, ask, tools=[add], options=options)
assert r.message.content is not None or r.message.tool_calls
step("tools")
r = client.chat(model, ask, format={"type": "object", "properties": {"n": {"enum": [1, 2, 3]}}, "required": ["n"], "additionalProperties": False},
                options={"temperature": 0, "num_predict": 48})
import json
assert json.loads(r.message.content)["n"] in (1, 2, 3)
step("format")
for call in (lambda: client.chat("nope", ask), lambda: client.pull("x"), lambda: client.chat(model, ask, options={"num_ctx": 1 << 22})):
    try:
        call()
    except ollama.ResponseError as err:
        assert err.error, err
        continue
    raise AssertionError("no error")
step("errors")
