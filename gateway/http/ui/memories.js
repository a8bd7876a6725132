// Memories: all that is remembered of a user; searched, looked into, changed and taken back.

import { ask, get, send, withQuery } from "./api.js";
import { fail } from "./app.js";
import { add, button, confirmed, fill, h, notify, when } from "./dom.js";
import { said } from "./recalled.js";

const PAGE = 50;
const PAUSE = 200; // milliseconds after the last key before a search
const KINDS = { fact: "Facts", preference: "Preferences", episode: "Said", tool: "Tools" };
const ORIGINS = { user: "Said by the user", assistant: "Answered", tool: "What tools did", written: "Written by hand" };
const STATES = { activated: "Current", archived: "Archived or followed", deleted: "Deleted" };

/** The view. `rest` is a memory's id, if the address names one. */
export async function memories(main, [id = ""] = []) {
  const view = new Memories(main);
  if (id) await view.look(id);
  await view.list();
}

class Memories {
  constructor(main) {
    this.query = h("input", { type: "search", id: "find", placeholder: "Search", "aria-label": "Search" });
    this.kinds = choice("kind", "Kind", { "": "All kinds", ...KINDS });
    this.origin = choice("origin", "Source", { "": "All sources", ...ORIGINS });
    this.state = choice("state", "State", STATES);
    this.since = h("input", { type: "date", id: "since", "aria-label": "Said since" });
    this.tag = h("input", { id: "tag", placeholder: "Tag", "aria-label": "Tag", size: 8 });
    this.conversation = h("input", {
      id: "conversation", placeholder: "Conversation", "aria-label": "Conversation", size: 10,
    });
    this.count = h("p", { class: "hint", role: "status" });
    this.rows = h("ul", { class: "memories" });
    this.detail = h("section", { class: "detail", "aria-label": "One memory", hidden: true });
    this.more = button("More", () => this.next(), { hidden: true });
    const later = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.list().catch(fail), PAUSE);
    };
    for (const field of [this.query, this.tag, this.conversation]) field.addEventListener("input", later);
    for (const field of [this.kinds, this.origin, this.state, this.since]) {
      field.addEventListener("change", () => this.list().catch(fail));
    }
    fill(main,
      h("section", { class: "listing", "aria-label": "Memories" },
        h("h1", {}, "Memories"),
        h("form", { class: "row filters", role: "search", on: { submit: (event) => event.preventDefault() } },
          this.query, this.kinds, this.origin, this.state, this.since, this.tag, this.conversation),
        this.count, this.rows, this.more),
      this.detail);
  }

  filter() {
    const parts = [
      this.tag.value.trim() && { tags: { contains: this.tag.value.trim() } },
      this.conversation.value.trim() && { conversation_id: this.conversation.value.trim() },
      this.since.value && { create_time: { gte: this.since.value } },
    ].filter(Boolean);
    return parts.length ? { and: parts } : null;
  }

  origins() {
    return this.origin.value ? [this.origin.value] : [];
  }

  async list() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    this.page = 1;
    const kinds = this.kinds.value ? [this.kinds.value] : Object.keys(KINDS);
    const query = this.query.value.trim();
    let found;
    if (query) {
      found = await send("POST", "/v1/memories/search",
        { query, kinds, origins: this.origins(), limit: PAGE, relevance: 0, filter: this.filter() });
    } else {
      found = await get(this.address(1));
    }
    if (turn !== this.turn) return; // a later search was faster
    fill(this.rows, found.data.map((memory) => this.row(memory)));
    this.told(query ? found.data.length : found.total);
    this.more.hidden = !found.has_more;
  }

  address(page) {
    const query = new URLSearchParams({ page, limit: PAGE, status: this.state.value });
    for (const kind of this.kinds.value ? [this.kinds.value] : Object.keys(KINDS)) query.append("kinds", kind);
    for (const origin of this.origins()) query.append("origins", origin);
    const filter = this.filter();
    if (filter) query.set("filter", JSON.stringify(filter));
    return `/v1/memories?${query}`;
  }

  async next() {
    try {
      this.page += 1;
      const found = await get(this.address(this.page));
      add(this.rows, found.data.map((memory) => this.row(memory)));
      this.more.hidden = !found.has_more;
    } catch (error) {
      fail(error);
    }
  }

  told(count) {
    this.count.textContent = count === 1 ? "1 memory" : `${count} memories`;
  }

  row(memory) {
    return h("li", {}, h("button", {
      type: "button", class: "memory",
      on: { click: () => this.look(memory.id).catch(fail) },
    },
    h("span", {}, memory.title || memory.content),
    h("span", { class: "hint row" }, h("span", { class: "kind" }, memory.kind), when(memory.said_at),
      memory.tags.map((tag) => h("span", { class: "tag" }, tag)))));
  }

  async look(id) {
    const history = await get(`/v1/memories/${encodeURIComponent(id)}/history`);
    const { current } = history;
    this.detail.hidden = false;
    const path = `/v1/memories/${encodeURIComponent(id)}`;
    const change = async (act, done) => {
      try {
        await act();
        notify(done);
        await this.look(id);
        await this.list();
      } catch (error) {
        fail(error);
      }
    };
    const text = h("textarea", { id: "content", rows: 3, value: current.content });
    const edited = h("form", {},
      h("label", { for: "content" }, "What is remembered"), text,
      h("div", { class: "row" },
        h("button", { class: "primary" }, "Save"),
        button("Undo the last change", () => change(() => send("POST", `${path}/undo`, {}), "Taken back.")),
        current.status === "activated"
          ? button("Archive", () => change(() => send("PATCH", path, { status: "archived" }), "Archived: it is not recalled."))
          : button("Use again", () => change(() => send("PATCH", path, { status: "activated" }), "It is recalled again.")),
        button("Not true", () => this.correct(current, change), {}),
        button("Delete", async () => {
          if (!await confirmed("Delete this memory for good?", "Delete")) return;
          try {
            await ask("DELETE", path);
            this.detail.hidden = true;
            notify("Deleted.");
            await this.list();
          } catch (error) {
            fail(error);
          }
        }, { class: "danger" })));
    edited.addEventListener("submit", (event) => {
      event.preventDefault();
      change(() => send("PATCH", path, { content: text.value }), "Saved.");
    });
    fill(this.detail,
      h("div", { class: "row" }, h("h2", { class: "grow", tabindex: "-1" }, current.title || titled(current)),
        button("Close", () => (this.detail.hidden = true), { class: "quiet" })),
      h("p", { class: "hint row" }, h("span", { class: "kind" }, current.kind),
        h("span", {}, STATES[current.status] ?? current.status), h("span", {}, "said"), when(current.said_at)),
      edited,
      history.supersedes.length || history.superseded_by ? followed(history) : null,
      revisions(history.revisions),
      sources(current.sources));
    this.detail.querySelector("h2").focus({ preventScroll: true });
    this.detail.scrollIntoView({ block: "nearest" });
  }

  async correct(memory, change) {
    const said = h("input", { id: "right", "aria-label": "What is right" });
    const form = h("form", { class: "row" }, h("label", { for: "right" }, "What is right?"), said,
      h("button", { class: "primary" }, "Correct"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const right = said.value.trim();
      change(() => send("PATCH", `/v1/memories/${encodeURIComponent(memory.id)}`,
        right ? { content: right } : { status: "archived" }),
      right ? "Corrected." : "It is not used any more.");
    });
    this.detail.querySelector("form").after(form);
    said.focus();
  }
}

function choice(id, label, options) {
  return h("select", { id, "aria-label": label },
    Object.entries(options).map(([value, text]) => h("option", { value }, text)));
}

function titled(memory) {
  const words = memory.content.split(/\s+/);
  return words.slice(0, 8).join(" ") + (words.length > 8 ? " …" : "");
}

function followed({ current, supersedes, superseded_by: later }) {
  const card = (label, memory) => h("li", { class: "card" },
    h("p", { class: "hint" }, label), h("p", {}, memory.content),
    h("p", { class: "hint" }, when(memory.valid_from ?? memory.said_at),
      memory.valid_to ? [" to ", when(memory.valid_to)] : null));
  return h("section", {}, h("h3", {}, "What followed what"),
    h("ul", { class: "side-by-side" },
      supersedes.map((memory) => card("Before", memory)), card("This", current),
      later ? card("Now", later) : null));
}

function revisions(list) {
  if (!list.length) return null;
  return h("section", {}, h("h3", {}, "Before it was changed"),
    h("ol", { class: "history" }, list.map((revision) => h("li", {},
      h("p", {}, revision.content),
      h("p", { class: "hint" }, `${STATES[revision.status] ?? revision.status}, ${revision.by}, until `, when(revision.until))))));
}

function sources(list) {
  return h("section", {}, h("h3", {}, "Where it was said"),
    h("ul", { class: "sources" }, list.map((source) => h("li", {},
      h("blockquote", { dir: "auto" }, source.content),
      h("p", { class: "hint row" }, source.role, when(source.said_at),
        h("a", { href: said(source) }, "the conversation"))))));
}
