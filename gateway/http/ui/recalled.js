// What was recalled for an answer, and what was learned from it afterwards.

import { ask, events, get } from "./api.js";
import { add, fill, h, when } from "./dom.js";

const MEANING = {
  hit: "recalled", empty: "Nothing that bears on it is remembered.", off: "Memory is off.",
};

/** Draw into `beside` what the answer's headers tell of recall; `first` adds the first token. */
export function recalledFor(response, beside) {
  const outcome = response.headers.get("x-memory-status") ?? "off";
  const ids = (response.headers.get("x-memory-ids") ?? "").split(", ").filter(Boolean);
  const recall = /recall;dur=([\d.]+)/.exec(response.headers.get("server-timing") ?? "");
  const times = [recall && `recall ${Number(recall[1]).toFixed(0)} ms`];
  const summary = beside.querySelector("summary");
  const told = () => {
    const head = ids.length
      ? `${ids.length} ${ids.length === 1 ? "memory" : "memories"} recalled`
      : MEANING[outcome] ?? `Recall was not whole (${outcome.split("=").pop()}).`;
    fill(summary, [head, ...times.filter(Boolean)].join(" · "));
  };
  told();
  if (ids.length) {
    const list = h("ul", { class: "recalled" });
    add(beside, [list]);
    // Read when somebody looks: most people look at few.
    beside.addEventListener("toggle", () => draw(ids, list), { once: true });
  }
  return {
    first(millis) {
      times.push(`first word after ${millis.toFixed(0)} ms`);
      told();
    },
  };
}

async function draw(ids, list) {
  const items = await Promise.all(ids.map(async (told) => {
    const [id, how] = told.split(";");
    try {
      return remembered(await get(`/v1/memories/${encodeURIComponent(id)}`), how);
    } catch {
      return h("li", { class: "hint" }, "A memory that is not this user's own, or is gone.");
    }
  }));
  fill(list, items);
}

/** The address of what was said, within its conversation. */
export function said({ conversation_id: conversation, turn_id: turn }) {
  return `#/talk/${encodeURIComponent(conversation)}/${encodeURIComponent(turn)}`;
}

/** A memory with its kind, how well it fits, and where it was said. */
export function remembered(memory, how = "") {
  const score = /^score=(.+)$/.exec(how);
  const [source] = memory.sources;
  return h("li", {},
    h("p", { dir: "auto" }, memory.content),
    h("p", { class: "hint row" },
      h("span", { class: "kind" }, memory.kind),
      score ? h("span", {}, `relevance ${Number(score[1]).toFixed(2)}`) : null,
      how === "standing" ? h("span", {}, "standing instruction") : null,
      when(memory.said_at),
      source ? h("a", { href: said(source) }, "where it was said") : null,
      h("a", { href: `#/memories/${encodeURIComponent(memory.id)}` }, "open")));
}

/** Draw beneath an answer what is learned from the conversation's last turn, as it is learned. */
export async function learnedFrom(conversation, answer) {
  const place = h("div", { class: "learned", role: "status", "aria-busy": "true" });
  add(answer, [place]);
  const response = await ask("GET", `/v1/chats/${encodeURIComponent(conversation)}/learned`);
  for await (const { event, data } of events(response)) {
    if (event === "memory") {
      const memory = JSON.parse(data);
      add(place, [h("a", { class: "chip", href: `#/memories/${encodeURIComponent(memory.id)}` },
        `Learned: ${memory.content}`)]);
    }
    if (event === "end") break;
  }
  place.setAttribute("aria-busy", "false");
}
