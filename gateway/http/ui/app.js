// What the page is made of: views by the address's fragment, whose memory it shows, and the key.

import { ApiError, get, session } from "./api.js";
import { add, button, fill, h, notify } from "./dom.js";
import { knowledge } from "./knowledge.js";
import { me } from "./me.js";
import { memories } from "./memories.js";
import { status } from "./status.js";
import { talk } from "./talk.js";

const VIEWS = { talk, memories, knowledge, me, status };
const TITLES = { talk: "Talk", memories: "Memories", knowledge: "Knowledge", me: "Me", status: "Status" };

const main = document.getElementById("main");
let leave = () => {};
let shown = 0;

/** Show a view; a view is given where to draw and the rest of the address, and returns its end. */
async function show() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const view = VIEWS[name] ? name : "talk";
  leave();
  leave = () => {};
  const turn = (shown += 1);
  document.title = `${TITLES[view]} · Memory Gateway`;
  for (const link of document.querySelectorAll("#views a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  fill(main);
  main.dataset.view = view;
  try {
    const ended = (await VIEWS[view](main, rest)) ?? (() => {});
    if (turn === shown) leave = ended;
    else ended(); // somebody went on while it was still being drawn
  } catch (error) {
    fail(error);
  }
}

/** What went wrong, to the person; with a key that is no good, where to give another. */
export function fail(error) {
  if (error.name === "AbortError") return;
  if (error instanceof ApiError && error.status === 401) {
    signIn();
    return;
  }
  if (!(error instanceof ApiError)) console.error(error);
  notify(error.message, { wrong: true });
}

function signIn() {
  leave();
  leave = () => {};
  const field = h("input", {
    id: "key", type: "password", autocomplete: "off", required: true, spellcheck: "false",
  });
  const form = h("form", { class: "card narrow" },
    h("h1", {}, "Sign in"),
    h("p", {}, "This gateway asks for one of its keys. It is kept in this tab alone, until it is closed."),
    h("label", { for: "key" }, "Key"), field,
    session.key ? h("p", { class: "wrong" }, "The gateway does not know the key that was given.") : null,
    h("button", { class: "primary" }, "Sign in"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    session.key = field.value.trim();
    begin();
  });
  fill(main, form);
  main.dataset.view = "signin";
  field.focus();
  who();
}

function who() {
  const corner = document.getElementById("who");
  const field = h("input", {
    id: "user", value: session.user, size: 12, spellcheck: "false", autocomplete: "off",
  });
  const form = h("form", { class: "row" }, h("label", { for: "user" }, "User"), field);
  const change = (event) => {
    event.preventDefault();
    if (field.value.trim() === session.user) return;
    session.user = field.value.trim();
    field.value = session.user;
    location.hash === "#/talk" ? show() : (location.hash = "#/talk");
  };
  form.addEventListener("submit", change);
  field.addEventListener("change", change);
  fill(corner, form);
  if (session.key) {
    add(corner, [button("Sign out", () => {
      session.key = "";
      begin();
    })]);
  }
}

function views() {
  const links = Object.keys(VIEWS).map((view) =>
    h("a", { href: `#/${view}`, "data-view": view }, TITLES[view]));
  fill(document.getElementById("views"), links);
}

async function begin() {
  views();
  who();
  try {
    await get("/v1/models");
  } catch (error) {
    if (error.status === 401) {
      signIn();
      return;
    }
    // No list of models is no reason not to show what is remembered.
  }
  await show();
}

window.addEventListener("hashchange", show);
begin();
