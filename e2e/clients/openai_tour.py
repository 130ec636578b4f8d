"""Tour of the openai client against a running server: every step must hold.

    python openai_tour.py http://127.0.0.1:8080/v1
"""
import json
import sys
import threading
import time

import openai

base = sys.argv[1]
client = openai.OpenAI(base_url=base, api_key="none", max_retries=0)
model = client.models.list().data[0].id
ask = [{"role": "user", "content": "Name three colours."}]


def step(name):
    print("ok", name, flush=True)


assert client.models.retrieve(model).id == model
step("models")

r = client.chat.completions.create(model=model, messages=ask, max_tokens=16, temperature=0)
whole = r.choices[0].message.content
assert whole and r.usage.total_tokens == r.usage.prompt_tokens + r.usage.completion_tokens
step("chat")

text, usage, finish = "", None, None
for chunk in client.chat.completions.create(model=model, messages=ask, max_tokens=16, temperature=0, stream=True,
                                            stream_options={"include_usage": True}):
    if chunk.choices:
        text += chunk.choices[0].delta.content or ""
        finish = chunk.choices[0].finish_reason or finish
    usage = chunk.usage or usage
assert text == whole and finish and usage.completion_tokens == r.usage.completion_tokens, (text, whole)
step("stream with usage")

a = client.chat.completions.create(model=model, messages=ask, max_tokens=12, n=3, seed=5, temperature=1.5)
b = client.chat.completions.create(model=model, messages=ask, max_tokens=12, n=3, seed=5, temperature=1.5)
texts = [c.message.content for c in a.choices]
assert texts == [c.message.content for c in b.choices] and len(set(texts)) > 1
step("n and seed")

stop = whole[len(whole) // 2:][:3]
r = client.chat.completions.create(model=model, messages=ask, max_tokens=16, temperature=0, stop=[stop])
assert r.choices[0].message.content == whole[:whole.index(stop)] and r.choices[0].finish_reason == "stop"
step("stop")

r = client.chat.completions.create(model=model, messages=ask, max_tokens=3, temperature=0, logprobs=True, top_logprobs=4)
for t in r.choices[0].logprobs.content:
    assert t.logprob == max(x.logprob for x in t.top_logprobs) and len(t.top_logprobs) == 4
first = r.choices[0].logprobs.content[0]
r = client.chat.completions.create(model=model, messages=ask, max_tokens=1, temperature=0, logit_bias={"5": 100})
assert r.choices[0].message.content != first.token
step("logprobs and logit_bias")

tools = [{"type": "function", "function": {"name": "get_weather", "description": "Weather of a city", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]
messages = ask + [
    {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}}]},
    {"role": "tool", "tool_call_id": "call_1", "content": "rain"}]
r = client.chat.completions.create(model=model, messages=messages, tools=tools, max_tokens=16)
assert r.choices[0].finish_reason in ("stop", "length", "tool_calls")
calls = {}
for chunk in client.chat.completions.create(model=model, messages=ask, tools=tools, max_tokens=24, stream=True, temperature=0):
    for c in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
        calls.setdefault(c.index, "")
        calls[c.index] += c.function.arguments or ""
for c in calls.values():
    json.loads(c)
step("tools in the history and in a stream")

r = client.chat.completions.create(model=model, messages=ask, tools=tools, max_tokens=64, tool_choice="required", temperature=0)
call = r.choices[0].message.tool_calls[0]
assert call.function.name == "get_weather" and "city" in json.loads(call.function.arguments) and call.id.startswith("call_")
assert r.choices[0].finish_reason == "tool_calls"
schema = {"type": "object", "properties": {"colours": {"type": "array", "items": {"enum": ["red", "green", "blue"]}, "minItems": 2, "maxItems": 3}},
          "required": ["colours"], "additionalProperties": False}
r = client.chat.completions.create(model=model, messages=ask, max_tokens=64, temperature=0,
                                   response_format={"type": "json_schema", "json_schema": {"name": "colours", "strict": True, "schema": schema}})
assert set(json.loads(r.choices[0].message.content)["colours"]) <= {"red", "green", "blue"}
step("enforced call and schema")

e = client.embeddings.create(model=model, input=["one", "two"])
f = client.embeddings.create(model=model, input=["one", "two"], encoding_format="float")
assert len(e.data) == 2 and max(abs(x - y) for x, y in zip(e.data[0].embedding, f.data[0].embedding)) < 1e-6
step("embeddings, base64 and float")

c = client.completions.create(model=model, prompt=["The sky is", "Two plus two is"], max_tokens=4, temperature=0, logprobs=2, echo=True)
for choice in c.choices:
    l = choice.logprobs
    assert len(l.tokens) == len(l.token_logprobs) == len(l.top_logprobs) == len(l.text_offset)
    assert l.token_logprobs[0] is None and choice.text.startswith(("The sky is", "Two plus two is"))
step("completions with echo and logprobs")

r = client.responses.create(model=model, input="Say hi.", max_output_tokens=8, temperature=0)
assert r.output_text
kinds, streamed = [], ""
with client.responses.stream(model=model, input="Say hi.", max_output_tokens=8, temperature=0) as s:
    for event in s:
        kinds.append(event.type)
        if event.type == "response.output_text.delta":
            streamed += event.delta
assert streamed == r.output_text and kinds[0] == "response.created" and kinds[-1] in ("response.completed", "response.incomplete")
step("responses")


def fails(kind, code, **kw):
    args = dict(model=model, messages=ask, max_tokens=4)
    args.update(kw)
    try:
        client.chat.completions.create(**args)
    except kind as err:
        assert err.body["code"] == code, err.body
        return
    raise AssertionError(f"no error for {kw}")


fails(openai.NotFoundError, "model_not_found", model="gpt-4o")
fails(openai.BadRequestError, "context_length_exceeded", max_tokens=10_000_000)
fails(openai.BadRequestError, "invalid_value", temperature=3)
fails(openai.BadRequestError, "unknown_field", extra_body={"temprature": 1})
fails(openai.BadRequestError, "unsupported_field", extra_body={"store": True})
step("errors by class and name")

began = time.monotonic()
s = client.chat.completions.create(model=model, messages=ask, stream=True, extra_body={"ignore_eos": True})
next(iter(s))
s.close()
r = client.chat.completions.create(model=model, messages=ask, max_tokens=4)
step("left in the middle of a stream")

many = [None] * 16
def one(i):
    many[i] = client.chat.completions.create(model=model, messages=ask, max_tokens=16, temperature=0).choices[0].message.content
threads = [threading.Thread(target=one, args=(i,)) for i in range(16)]
[t.start() for t in threads]
[t.join() for t in threads]
assert many == [whole] * 16
step("16 at once give what one gives")
