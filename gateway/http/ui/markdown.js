// The Markdown that models write, as elements. Markup in it is text, and so is what is not known
// here; a link is one only where it leads to http or https.

import { h } from "./dom.js";

const INLINE = /(`+)([^`](?:.*?[^`])?)\1(?!`)|\*\*(?=\S)(.+?)(?<=\S)\*\*|(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?!\*)|(?<!\w)_(?=\S)([^_\n]+?)(?<=\S)_(?!\w)|\[([^\]\n]{1,300})\]\(([^\s()]{1,2000})\)/s;
const DEEPEST = 5;

/** The elements of a text. */
export function markdown(text) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    const [block, next] = blockAt(lines, at);
    if (block) blocks.push(block);
    at = next;
  }
  return blocks;
}

function blockAt(lines, at) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  const fence = line.match(/^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)/);
  if (fence) return code(lines, at, fence[1]);
  const heading = line.match(/^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/);
  if (heading) {
    // Under the page's own headings.
    return [h(`h${Math.min(6, heading[1].length + 2)}`, {}, inline(heading[2])), at + 1];
  }
  if (/^ {0,3}([-*_])( *\1){2,} *$/.test(line)) return [h("hr"), at + 1];
  if (/^ {0,3}>/.test(line)) return quote(lines, at);
  if (item(line)) return list(lines, at);
  if (line.includes("|") && /^[\s|:-]*-[\s|:-]*$/.test(lines[at + 1] ?? "")) return table(lines, at);
  const paragraph = [];
  while (at < lines.length && lines[at].trim() && !(paragraph.length && starts(lines[at]))) {
    paragraph.push(lines[at]);
    at += 1;
  }
  return [h("p", {}, inline(paragraph.join("\n"))), at];
}

function starts(line) {
  return /^ {0,3}(`{3,}|~{3,}|#{1,6}\s|>)/.test(line) || Boolean(item(line));
}

function item(line) {
  return line.match(/^( {0,9})([-*+]|\d{1,9}[.)])\s+(.*)$/);
}

function code(lines, at, fence) {
  const body = [];
  at += 1;
  while (at < lines.length && !lines[at].trimStart().startsWith(fence)) {
    body.push(lines[at]);
    at += 1;
  }
  const block = h("pre", { tabindex: "0" }, h("code", {}, body.join("\n")));
  return [block, at + 1];
}

function quote(lines, at) {
  const body = [];
  while (at < lines.length && /^ {0,3}>/.test(lines[at])) {
    body.push(lines[at].replace(/^ {0,3}> ?/, ""));
    at += 1;
  }
  // Quotes within quotes stay text: nobody's answer needs them, and depth could be without end.
  return [h("blockquote", {}, h("p", {}, inline(body.join("\n")))), at];
}

function list(lines, at) {
  const [, indent, mark] = item(lines[at]);
  const ordered = /\d/.test(mark);
  const items = [];
  while (at < lines.length) {
    const found = item(lines[at]);
    if (!found) {
      if (!lines[at].trim() || !/^\s/.test(lines[at]) || !items.length) break;
      items.at(-1).push("\n", ...inline(lines[at].trim()));
      at += 1;
    } else if (found[1].length > indent.length + 1) {
      const [inner, next] = list(lines, at);
      items.at(-1).push(inner);
      at = next;
    } else if (found[1].length + 1 < indent.length || /\d/.test(found[2]) !== ordered) {
      break;
    } else {
      items.push([...inline(found[3])]);
      at += 1;
    }
  }
  const start = ordered ? Number.parseInt(mark, 10) : 1;
  const props = ordered && start !== 1 ? { start } : {};
  return [h(ordered ? "ol" : "ul", props, items.map((each) => h("li", {}, each))), at];
}

function table(lines, at) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  const head = cells(lines[at]).map((cell) => h("th", { scope: "col" }, inline(cell)));
  const rows = [];
  at += 2;
  while (at < lines.length && lines[at].includes("|")) {
    rows.push(h("tr", {}, cells(lines[at]).map((cell) => h("td", {}, inline(cell)))));
    at += 1;
  }
  const whole = h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows));
  return [h("div", { class: "wide", tabindex: "0" }, whole), at];
}

/** The pieces of a line: texts, and elements for code, emphasis and links. */
function inline(text, depth = 0) {
  const pieces = [];
  let rest = text;
  while (rest) {
    const found = depth < DEEPEST ? rest.match(INLINE) : null;
    if (!found) break;
    pieces.push(rest.slice(0, found.index));
    pieces.push(piece(found, depth + 1));
    rest = rest.slice(found.index + found[0].length);
  }
  return [...pieces, rest].filter((each) => each !== "");
}

function piece([whole, , span, strong, starred, underlined, label, address], depth) {
  if (span !== undefined) return h("code", {}, span.trim());
  if (strong !== undefined) return h("strong", {}, inline(strong, depth));
  if (starred !== undefined) return h("em", {}, inline(starred, depth));
  if (underlined !== undefined) return h("em", {}, inline(underlined, depth));
  if (!/^https?:\/\//i.test(address)) return whole;
  return h("a", { href: address, rel: "noopener noreferrer nofollow", target: "_blank" }, label);
}
