// Markdown to DOM nodes: paragraphs, headings, lists, code, emphasis, links.
// Text becomes text nodes only, so nothing a model writes is ever markup.

/** @param {string} text @returns {DocumentFragment} */
export function render(text) {
  const out = document.createDocumentFragment();
  const lines = text.split("\n");
  for (let i = 0; i < lines.length;) {
    const fence = lines[i].match(/^\s*(```|~~~)/);
    if (fence) {
      const code = [];
      for (i++; i < lines.length && !lines[i].trimStart().startsWith(fence[1]); i++) code.push(lines[i]);
      i++;
      const pre = document.createElement("pre");
      pre.append(element("code", code.join("\n")));
      out.append(pre);
      continue;
    }
    const heading = lines[i].match(/^(#{1,6})\s+(.*)/);
    if (heading) {
      const h = document.createElement("h" + Math.min(6, heading[1].length + 2));
      inline(h, heading[2]);
      out.append(h);
      i++;
      continue;
    }
    if (item(lines[i])) {
      const list = document.createElement(/^\s*\d/.test(lines[i]) ? "ol" : "ul");
      for (; i < lines.length && item(lines[i]); i++) {
        const li = document.createElement("li");
        inline(li, item(lines[i])[1]);
        list.append(li);
      }
      out.append(list);
      continue;
    }
    if (lines[i].trim() === "") { i++; continue; }
    const p = document.createElement("p");
    for (let first = true; i < lines.length && lines[i].trim() !== "" && !item(lines[i]) && !/^\s*(```|~~~|#{1,6}\s)/.test(lines[i]); i++, first = false) {
      if (!first) p.append(document.createElement("br"));
      inline(p, lines[i]);
    }
    if (!p.firstChild) { inline(p, lines[i]); i++; }
    out.append(p);
  }
  return out;
}

const item = (line) => line.match(/^\s*(?:[-*+]|\d+[.)])\s+(.*)/);

function element(name, text) {
  const e = document.createElement(name);
  e.textContent = text;
  return e;
}

const spans = /(`+)([^`]+?)\1|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]*)\]\(([^()\s]+)\)/g;

function inline(parent, text) {
  let last = 0;
  for (const m of text.matchAll(spans)) {
    parent.append(text.slice(last, m.index));
    last = m.index + m[0].length;
    if (m[2] !== undefined) parent.append(element("code", m[2]));
    else if (m[3] !== undefined) parent.append(element("strong", m[3]));
    else if (m[4] !== undefined) parent.append(element("em", m[4]));
    else parent.append(link(m[5], m[6]));
  }
  parent.append(text.slice(last));
}

function link(text, href) {
  if (!/^https?:\/\//i.test(href)) return document.createTextNode(`[${text}](${href})`);
  const a = element("a", text);
  a.href = href;
  a.rel = "noopener noreferrer nofollow";
  a.target = "_blank";
  return a;
}
