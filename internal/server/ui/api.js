// Requests to the server that this page came from.

export class ApiError extends Error {
  constructor(status, body, retry) {
    super(body?.error?.message ?? `status ${status}`);
    this.status = status;
    this.code = body?.error?.code ?? "";
    this.retry = retry;
  }
}

function headers() {
  const h = { "Content-Type": "application/json" };
  const key = sessionStorage.getItem("key");
  if (key) h.Authorization = "Bearer " + key;
  return h;
}

async function checked(response) {
  if (response.ok) return response;
  let body = null;
  try { body = await response.json(); } catch { /* no JSON: the status says it */ }
  throw new ApiError(response.status, body, Number(response.headers.get("Retry-After") ?? 0));
}

export async function models() {
  return (await checked(await fetch("/v1/models", { headers: headers() }))).json();
}

export async function ready() {
  const r = await fetch("/readyz");
  return (await r.json()).status;
}

/** Streams a chat completion; yields its chunks. */
export async function* chat(body, signal) {
  const response = await checked(await fetch("/v1/chat/completions", {
    method: "POST", headers: headers(), signal,
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
  }));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
      const chunk = JSON.parse(line.slice(6));
      if (chunk.error) throw new ApiError(500, chunk, 0);
      yield chunk;
    }
  }
}
