import * as api from "/ui/api.js";
import { draw, mebi } from "/ui/chart.js";
import { render } from "/ui/markdown.js";
import * as store from "/ui/store.js";

const $ = (id) => document.getElementById(id);
const numbers = ["temperature", "top_p", "top_k", "min_p", "max_tokens", "seed"];
const texts = ["system", "kv", "attention"];
const state = store.load();
let running = null; // AbortController of the answer in progress
let limit = 0; // context of the model
let samples = [];

function status(text, bad = false) {
  $("state").textContent = text;
  $("state").classList.toggle("bad", bad);
}

// One message of the log; its node is kept for updates.
function show(message) {
  const box = document.createElement("article");
  box.className = "message " + message.role;
  box.setAttribute("aria-label", message.role === "user" ? "You" : "Answer");
  box.tabIndex = -1;
  fill(box, message);
  $("log").append(box);
  $("log").scrollTop = $("log").scrollHeight;
  return box;
}

function fill(box, message) {
  if (message.role === "user") {
    box.textContent = message.content;
    return;
  }
  const parts = [];
  if (message.thinking) {
    const d = document.createElement("details");
    const s = document.createElement("summary");
    s.textContent = "Thinking";
    const t = document.createElement("div");
    t.className = "thinking";
    t.textContent = message.thinking;
    d.append(s, t);
    parts.push(d);
  }
  parts.push(render(message.content));
  if (message.note) {
    const n = document.createElement("p");
    n.className = "note";
    n.textContent = message.note;
    parts.push(n);
  }
  box.replaceChildren(...parts);
}

function settings() {
  const body = { model: $("model").value };
  for (const id of numbers) if ($(id).value !== "") body[id] = Number($(id).value);
  for (const id of ["kv", "attention"]) if ($(id).value.trim() !== "") body[id] = $(id).value.trim();
  return body;
}

function keep() {
  for (const id of [...numbers, ...texts]) state.settings[id] = $(id).value;
  store.save(state);
}

function busy(on) {
  $("send").hidden = on;
  $("stop").hidden = !on;
}

async function send(text) {
  if (running || text.trim() === "") return;
  const user = { role: "user", content: text };
  state.messages.push(user);
  show(user);
  await answer();
}

async function answer() {
  const message = { role: "assistant", content: "", thinking: "" };
  const body = settings();
  const system = $("system").value.trim();
  body.messages = [...(system ? [{ role: "system", content: system }] : []),
    ...state.messages.filter((m) => m.content !== "" || m.role === "user").map(({ role, content }) => ({ role, content }))];
  state.messages.push(message);
  const box = show(message);
  running = new AbortController();
  busy(true);
  status("reading the prompt");
  const began = performance.now();
  let tokens = 0, drawn = 0;
  samples = [];
  try {
    for await (const chunk of api.chat(body, running.signal)) {
      const delta = chunk.choices[0]?.delta;
      if (chunk.usage) finished(chunk.usage);
      if (!delta) continue;
      message.content += delta.content ?? "";
      message.thinking += delta.reasoning_content ?? "";
      tokens++;
      const now = performance.now();
      if (now - drawn > 80) {
        drawn = now;
        progress(box, message, tokens, now - began);
      }
    }
    status("ready");
  } catch (err) {
    failed(err, message);
  } finally {
    running = null;
    busy(false);
    fill(box, message);
    $("announce").textContent = message.content;
    keep();
    $("input").focus();
  }
}

function progress(box, message, tokens, ms) {
  const atEnd = $("log").scrollTop + $("log").clientHeight > $("log").scrollHeight - 40;
  fill(box, message);
  if (atEnd) $("log").scrollTop = $("log").scrollHeight;
  status(`${tokens} tokens, ${((tokens * 1000) / ms).toFixed(1)} a second`);
  keep();
}

function finished(u) {
  limit && ($("context").value = u.total_tokens / limit);
  const tps = u.timing.decode_ms > 0 ? (u.completion_tokens * 1000) / u.timing.decode_ms : 0;
  state.samples = [...(state.samples ?? []), { kv: u.kv.bytes, dense: u.kv.dense_bytes, tps }].slice(-600);
  draw($("chart"), state.samples);
  table([["prompt", u.prompt_tokens], ["cached", u.prompt_tokens_details.cached_tokens], ["answer", u.completion_tokens],
    ["first token", u.timing.ttft_ms.toFixed(0) + " ms"], ["tokens/s", tps.toFixed(1)], ["cache", mebi(u.kv.bytes)],
    ["dense cache", mebi(u.kv.dense_bytes)], ["policy", u.kv.policy], ["attention", u.attention.name], ["seed", u.seed]]);
}

function table(rows) {
  $("stats").tBodies[0].replaceChildren(...rows.map(([name, value]) => {
    const tr = document.createElement("tr");
    for (const text of [name, value]) {
      const td = document.createElement("td");
      td.textContent = text;
      tr.append(td);
    }
    return tr;
  }));
}

function failed(err, message) {
  if (err.name === "AbortError") {
    message.note = "stopped";
    status("stopped");
    return;
  }
  message.note = err.message;
  status(err.code || "offline", true);
  if (err.status === 401) askKey();
  if (err.retry > 0) {
    let left = err.retry;
    const timer = setInterval(() => {
      status(`busy, try again in ${left} s`, true);
      if (left-- <= 0) { clearInterval(timer); status("ready"); }
    }, 1000);
  }
}

function askKey() {
  $("key-dialog").showModal();
}

async function connect() {
  try {
    const s = await api.ready();
    if (s !== "ok") {
      status(s);
      setTimeout(connect, 1000);
      return;
    }
    const list = (await api.models()).data;
    $("model").replaceChildren(...list.map((m) => {
      const o = document.createElement("option");
      o.value = o.textContent = m.id;
      return o;
    }));
    limit = list[0]?.meta.context_length ?? 0;
    status("ready");
  } catch (err) {
    if (err.status === 401) askKey();
    status(err.code || "offline", true);
    if (!err.status) setTimeout(connect, 3000);
  }
}

function restore() {
  for (const id of [...numbers, ...texts]) if (state.settings[id] !== undefined) $(id).value = state.settings[id];
  for (const m of state.messages) show(m);
  if (state.samples?.length) draw($("chart"), state.samples);
}

$("composer").addEventListener("submit", (e) => {
  e.preventDefault();
  const text = $("input").value;
  $("input").value = "";
  send(text);
});
$("input").addEventListener("keydown", (e) => {
  if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
    e.preventDefault();
    $("composer").requestSubmit();
  }
});
$("stop").addEventListener("click", () => running?.abort());
$("clear").addEventListener("click", () => {
  running?.abort();
  state.messages = [];
  state.samples = [];
  $("log").replaceChildren();
  keep();
  $("input").focus();
});
$("panel-toggle").addEventListener("click", () => {
  $("panel").hidden = !$("panel").hidden;
  $("panel-toggle").setAttribute("aria-expanded", String(!$("panel").hidden));
});
$("panel").addEventListener("change", keep);
$("key-dialog").addEventListener("close", () => {
  sessionStorage.setItem("key", $("key").value);
  connect();
});
document.addEventListener("keydown", (e) => {
  const typing = /^(TEXTAREA|INPUT|SELECT)$/.test(document.activeElement?.tagName ?? "");
  if (e.key === "Escape") running?.abort();
  if (e.key === "/" && !typing) { e.preventDefault(); $("input").focus(); }
  if (e.key === "ArrowUp" && e.altKey) $("log").lastElementChild?.focus();
});

restore();
connect();
