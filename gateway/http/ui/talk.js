// Talk: conversations beside, an answer as it comes, what was recalled for it, what was learned.

import { ApiError, ask, events, get, send, session, withQuery } from "./api.js";
import { fail } from "./app.js";
import { add, button, confirmed, fill, h, notify, when } from "./dom.js";
import { markdown } from "./markdown.js";
import { learnedFrom, recalledFor } from "./recalled.js";

const MODEL = "memory-gateway.model";
const SHOWN = 50; // conversations at a time

/** The view. `rest` is a conversation's id, and which turn of it to go to, if the address names them. */
export async function talk(main, [id = "", turn = ""] = []) {
  const view = new Talk(main, id, turn);
  await view.open();
  return () => view.close();
}

class Talk {
  constructor(main, id, turn) {
    this.id = id;
    this.turn = turn;
    this.messages = []; // {role, content}
    this.running = null;
    this.closed = false;
    this.side = h("ul", { class: "chats" });
    this.log = h("div", { class: "log", role: "log", "aria-label": "Conversation" });
    this.model = h("select", { id: "model", "aria-label": "Model" });
    this.files = h("input", { type: "checkbox", id: "files", checked: true });
    this.text = h("textarea", {
      id: "say", rows: 3, dir: "auto", placeholder: "Say something to be remembered, or ask", "aria-label": "Your message",
    });
    this.go = h("button", { class: "primary" }, "Send");
    this.stop = button("Stop", () => this.running?.abort(), { hidden: true });
    const form = h("form", { class: "composer" }, this.text,
      h("div", { class: "row" }, this.model, this.asksFiles = h("label", { class: "row hint", hidden: true },
        this.files, "ask the knowledge too"), h("span", { class: "grow" }), this.stop, this.go));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.say(this.text.value);
    });
    this.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    fill(main,
      h("aside", { class: "side", "aria-label": "Conversations" },
        h("a", { class: "button", href: "#/talk/new" }, "New conversation"), this.side),
      h("section", { class: "talk", "aria-label": "Talk" }, this.log, form));
  }

  open() {
    this.ready = this.begin();
    return this.ready;
  }

  async begin() {
    if (!this.id || this.id === "new") this.id = (!this.id && await this.latest()) || crypto.randomUUID();
    const parts = await Promise.allSettled([this.list(), this.models(), this.bases(), this.load()]);
    const wrong = parts.filter((part) => part.reason).map((part) => part.reason);
    // Whoever cannot be shown what was said can still talk, unless the key is no good.
    if (wrong.length) fail(wrong.find((error) => error.status === 401) ?? wrong[0]);
    if (!this.messages.length && !wrong.length) this.welcome();
    if (!this.turn && matchMedia("(min-width: 50rem)").matches) this.text.focus();
  }

  /** The id of the latest conversation; nothing if there is none, or none can be told. */
  async latest() {
    try {
      const { data } = await get(withQuery("/v1/chats", { limit: 1 }));
      return data[0]?.id;
    } catch (error) {
      if (error.status === 401) throw error;
      return undefined; // the list of them says what is wrong
    }
  }

  close() {
    this.closed = true;
    this.running?.abort();
  }

  async list() {
    const { data, has_more: more } = await get(withQuery("/v1/chats", { limit: SHOWN }));
    fill(this.side, data.map((chat) => h("li", {},
      h("a", { href: `#/talk/${encodeURIComponent(chat.id)}`, "aria-current": chat.id === this.id && "true" },
        chat.title || "(no words)"),
      button("×", () => this.remove(chat), { class: "quiet", "aria-label": `Delete ${chat.title}` }))),
      more ? h("li", { class: "hint" }, "Older ones are not shown.") : null);
  }

  async remove(chat) {
    if (!await confirmed(`Delete “${chat.title}” with everything that was remembered of it?`, "Delete")) return;
    try {
      await ask("DELETE", `/v1/chats/${encodeURIComponent(chat.id)}`);
      notify("The conversation is gone.");
      if (chat.id === this.id) location.hash = "#/talk/new";
      else await this.list();
    } catch (error) {
      fail(error);
    }
  }

  async models() {
    let names = [];
    try {
      const { data } = await get("/v1/models");
      names = data.map((model) => model.id);
      this.offline = data.every((model) => model.owned_by === "memory-gateway");
    } catch (error) {
      if (error.status === 401) throw error;
      notify("The model's server gave no list of its models.", { wrong: true });
    }
    const kept = localStorage.getItem(MODEL);
    fill(this.model, names.map((name) => h("option", { value: name }, name)));
    if (names.includes(kept)) this.model.value = kept;
    this.model.hidden = names.length < 2;
    this.model.addEventListener("change", () => localStorage.setItem(MODEL, this.model.value));
  }

  async bases() {
    try {
      const { total } = await get("/v1/knowledge-bases?limit=1");
      this.asksFiles.hidden = !total;
    } catch (error) {
      if (error.status === 401) throw error; // a key that opens no bases still talks
    }
  }

  async load() {
    const { data } = await get(`/v1/chats/${encodeURIComponent(this.id)}`);
    this.messages = data.map(({ role, content }) => ({ role, content }));
    fill(this.log, data.map((message, index) => this.shown(message, index)));
    const asked = data.findIndex((message) => message.turn_id === this.turn);
    if (asked < 0) {
      this.down(true);
      return;
    }
    const place = this.log.children[asked];
    place.classList.add("pointed");
    place.tabIndex = -1; // so that a screen reader goes there as well
    place.scrollIntoView();
    place.focus();
  }

  welcome() {
    fill(this.log, h("div", { class: "card narrow" },
      h("h1", {}, "Tell it something"),
      h("p", {}, "What you say here is remembered for this user, in every conversation. Say where you live, start a new conversation, and ask."),
      this.offline ? h("div", { class: "hint" },
        h("p", {}, "No model is connected yet, so the built-in one answers, which only repeats what it remembers. Two settings connect a real one:"),
        h("pre", {}, h("code", {}, "GATEWAY_UPSTREAM_BASE_URL=https://api.openai.com/v1\nGATEWAY_UPSTREAM_API_KEY=..."))) : null));
  }

  shown(message, index) {
    const mine = message.role === "user";
    const body = h("div", { class: "body", dir: "auto" }, mine ? h("p", {}, message.content) : markdown(message.content));
    const tools = h("div", { class: "row tools" },
      message.said_at ? when(message.said_at) : null,
      mine
        ? button("Edit", () => this.edit(index), { class: "quiet" })
        : button("Retry", () => this.retry(index), { class: "quiet" }));
    return h("article", { class: mine ? "said mine" : "said", "aria-label": mine ? "You" : "Answer" }, body, tools);
  }

  edit(index) {
    this.text.value = this.messages[index].content;
    this.cut(index);
    this.text.focus();
  }

  async retry(index) {
    const asked = this.messages.slice(0, index).findLastIndex((message) => message.role === "user");
    if (asked < 0) return;
    const { content } = this.messages[asked];
    this.cut(asked);
    await this.say(content);
  }

  /** Leave out a message and all that follow, here; what was said stays said, and remembered. */
  cut(index) {
    this.messages.length = index;
    while (this.log.children.length > index) this.log.lastChild.remove();
  }

  async say(text) {
    const content = text.trim();
    if (!content || this.running) return;
    this.busy(new AbortController());
    this.text.value = "";
    await this.ready; // who types fast is not to lose a word to what is still being read
    if (!this.messages.length) fill(this.log);
    this.messages.push({ role: "user", content });
    add(this.log, [this.shown(this.messages.at(-1), this.messages.length - 1)]);
    const body = h("div", { class: "body", dir: "auto", "aria-busy": "true" });
    const beside = h("details", { class: "beside" }, h("summary", {}, "Recalling…"));
    const answer = h("article", { class: "said", "aria-label": "Answer" }, body, beside);
    add(this.log, [answer]);
    this.down(true);
    const begun = performance.now();
    let whole = "";
    let failed = null;
    let recalled = null;
    try {
      const response = await ask("POST", "/v1/chat/completions", {
        headers: { "x-conversation-id": this.id },
        signal: this.running.signal,
        json: {
          model: this.model.value || "default", stream: true,
          messages: this.messages.filter((message) => message.content), // an answer that failed has none
          ...(this.files.checked && !this.asksFiles.hidden && { memory: { knowledgebase_ids: ["all"] } }),
        },
      });
      recalled = recalledFor(response, beside);
      for await (const { data } of events(response)) {
        if (data === "[DONE]") break;
        const piece = JSON.parse(data);
        if (piece.error) throw new ApiError(502, piece.error.message, piece.error.code);
        const more = piece.choices?.[0]?.delta?.content ?? "";
        if (!more) continue;
        if (!whole) recalled.first(performance.now() - begun);
        whole += more;
        this.draw(body, () => markdown(whole));
      }
    } catch (error) {
      failed = error;
    }
    if (!recalled) beside.remove();
    this.busy(null);
    cancelAnimationFrame(this.frame);
    fill(body, markdown(whole));
    body.removeAttribute("aria-busy");
    if (this.closed) return;
    await this.after(answer, whole, failed);
  }

  async after(answer, whole, failed) {
    if (failed && failed.name === "AbortError") add(answer, [h("p", { class: "hint" }, "Stopped.")]);
    else if (failed) add(answer, [h("p", { class: "wrong" }, failed.message)]);
    if (failed?.status === 401) {
      fail(failed);
      return;
    }
    this.messages.push({ role: "assistant", content: whole });
    const index = this.messages.length - 1;
    add(answer, [h("div", { class: "row tools" }, button("Retry", () => this.retry(index), { class: "quiet" }))]);
    this.down();
    if (history.state !== this.id) {
      history.replaceState(this.id, "", `#/talk/${encodeURIComponent(this.id)}`);
    }
    try {
      await this.list();
      if (!failed) await learnedFrom(this.id, answer);
    } catch (error) {
      if (!this.closed) fail(error);
    }
    this.down();
  }

  busy(running) {
    this.running = running;
    this.stop.hidden = !running;
    this.go.hidden = Boolean(running);
  }

  /** Draw at the next frame, and no oftener: pieces come faster than anybody reads. */
  draw(body, made) {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      fill(body, made());
      this.down();
    });
  }

  /** Keep the end in sight, unless the reader has gone up to read. */
  down(always = false) {
    const { scrollHeight, scrollTop, clientHeight } = this.log;
    if (always || scrollHeight - scrollTop - clientHeight < 200) this.log.scrollTop = scrollHeight;
  }
}
