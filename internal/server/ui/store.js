// The conversation and the settings, kept in this browser only.

const name = "kvasir-chat";

/** @returns {{messages: Array, settings: Object}} */
export function load() {
  try {
    const v = JSON.parse(localStorage.getItem(name));
    if (v && Array.isArray(v.messages)) return v;
  } catch { /* nothing that can be read */ }
  return { messages: [], settings: {} };
}

export function save(state) {
  try { localStorage.setItem(name, JSON.stringify(state)); } catch { /* full or forbidden: the page works without */ }
}
