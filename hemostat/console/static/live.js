// A page that changes by itself, and says so when it no longer can.

import { here, say, tick } from "./page.js";

let wired = () => {}; // what the page does with parts that are new

function busy(part) {
  if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select, button")) return true;
  return [...part.querySelectorAll("textarea")].some((area) => area.value !== area.defaultValue)
    || [...part.querySelectorAll("input[type=radio]")].some((input) => input.checked !== input.defaultChecked);
}

function keep(part, fresh) {
  const name = (one, at) => one.dataset.keep || one.closest("[data-gate]")?.id || one.parentElement.id || at;
  const open = new Map([...part.querySelectorAll("details")].map((one, at) => [name(one, at), one.open]));
  [...fresh.querySelectorAll("details")].forEach((one, at) => {
    const was = open.get(name(one, at));
    if (was !== undefined) one.open = was;
  });
  const told = part.querySelector("[data-timeline-detail]:not([hidden])");
  const detail = fresh.querySelector("[data-timeline-detail]");
  if (told && detail) {
    detail.textContent = told.textContent;
    detail.hidden = false;
  }
}

// What somebody writes stays where it is, as long as its question is the same; all around it changes.

const asks = (form) => ["nonce", "digest"].map((name) => form?.querySelector(`[name=${name}]`)?.value ?? "").join(" ");

function sameQuestions(part, fresh) {
  const at = document.activeElement;
  const writing = [...part.querySelectorAll("form")].filter((form) => busy(form));
  if (part.contains(at) && at.matches("input, textarea, select, button") && !at.closest("form")) return null;
  const pairs = new Map();
  let before = null;
  for (const form of writing) {
    const card = form.closest("[data-gate]");
    const other = card && fresh.querySelector(`[data-gate="${CSS.escape(card.dataset.gate)}"] form`);
    if (!other || asks(form) !== asks(other)) return null;
    if (before && !(before.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING)) return null;
    before = other;
    let [mine, theirs] = [form, other];
    while (mine !== part && theirs && theirs !== fresh) {
      pairs.set(mine, theirs);
      [mine, theirs] = [mine.parentElement, theirs.parentElement];
    }
    if (mine !== part || theirs !== fresh) return null;
  }
  return pairs;
}

function around(mine, fresh, pairs) {
  for (const node of [...mine.childNodes]) if (!pairs.has(node)) node.remove();
  let next = mine.firstChild;
  for (const node of [...fresh.childNodes]) {
    if (next && pairs.get(next) === node) {
      if (!next.matches("form")) around(next, node, pairs);
      next = next.nextSibling;
    } else mine.insertBefore(document.adoptNode(node), next);
  }
}

const comparable = (node) => {
  const copy = node.cloneNode(true);
  copy.querySelectorAll("time[data-since], time[data-until]").forEach((time) => { time.textContent = ""; });
  copy.querySelectorAll("input[name=decision], input[name=csrf]").forEach((input) => input.remove());
  copy.querySelectorAll("details").forEach((one) => one.removeAttribute("open"));
  copy.querySelectorAll(".fresh").forEach((one) => one.classList.remove("fresh"));
  return copy.outerHTML;
};
const as = new Map([...document.querySelectorAll("[data-live]")].map((part) => [part.id, comparable(part)]));

function put(page) {
  let changed = 0;
  let refocus = null;
  for (const fresh of page.querySelectorAll("[data-live]")) {
    const part = document.getElementById(fresh.id);
    const text = comparable(fresh);
    if (!part || as.get(fresh.id) === text) continue;
    if (busy(part)) {
      const pairs = sameQuestions(part, fresh);
      if (!pairs) { warn(part); continue; }
      keep(part, fresh);
      around(part, fresh, pairs);
      as.set(part.id, text);
      changed += 1;
      continue;
    }
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    keep(part, fresh);
    const own = document.adoptNode(fresh);
    if (own.id === "list") {
      const had = new Set([...part.querySelectorAll("[data-row]")].map((row) => row.dataset.row));
      own.querySelectorAll("[data-row]").forEach((row) => { if (!had.has(row.dataset.row)) row.classList.add("fresh"); });
    } else if (own.id !== "picture") own.classList.add("fresh");
    part.replaceWith(own);
    if (focused) refocus = own.querySelector(`[href="${CSS.escape(focused)}"]`) ?? own.querySelector("a, button, summary");
    as.set(own.id, text);
    changed += 1;
  }
  if (changed) {
    document.title = page.title;
    document.body.dataset.events = page.body.dataset.events ?? "";
    say("The page has changed.");
    wired();
    tick();
    here();
    refocus?.focus({ preventScroll: true }); // last: what hears of the focus is wired by now
  }
}

function warn(part) {
  if (part.querySelector(".changed-meanwhile")) return;
  const note = document.createElement("p");
  note.className = "notice warn changed-meanwhile";
  note.append("This has changed while you were writing. Copy your words if you need them, then ");
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = "load it anew";
  note.append(link, ".");
  part.prepend(note);
  say("This has changed while you were writing.");
}

// Whether a change is one of what this page shows; where that cannot be told, it is.
function concerns(told) {
  const of = document.body.dataset.eventsOf;
  if (!of || !told.incidents) return true;
  if (told.opened && of === "newest") return true;
  const shown = new Set([...document.querySelectorAll("[data-row]")].map((row) => row.dataset.row));
  return told.incidents.some((incident) => shown.has(incident));
}

// Where many watch, each asks again at another moment: the server says over which time.
let soon = null;

function changed(event) {
  const told = JSON.parse(event.data);
  if (asking) { again = true; return; } // what is on its way may show it, as it was before this
  if (soon !== null || !concerns(told)) return;
  if (!told.spread) { refresh(); return; }
  soon = setTimeout(() => { soon = null; refresh(); }, Math.random() * told.spread);
}

const AGAIN_IN = 2000; // milliseconds, where the server could not answer
const ANSWERED_BY = 12000; // when what no worker answered for is asked for again
let asking = false;
let askedAt = 0;
let again = false;
let later = null;

function refreshIn(milliseconds) {
  clearTimeout(later);
  later = setTimeout(refresh, milliseconds);
}

function refresh({ unattended = false } = {}) {
  if (asking) { again = true; return; }
  asking = true;
  askedAt = Date.now();
  const request = new XMLHttpRequest();
  request.open("GET", location.pathname + location.search);
  request.responseType = "document";
  if (unattended) request.setRequestHeader("X-Unattended", "yes"); // keeps no session from idling
  let taken = false;
  request.onload = () => {
    taken = request.status < 500 && request.status !== 429;
    const out = request.status === 401 || new URL(request.responseURL).pathname === "/login";
    if (out) fellBehind(true);
    else if (request.status !== 200 || !request.responseXML) fellBehind();
    else {
      put(request.responseXML);
      upToDate();
    }
  };
  request.timeout = 30000;
  request.onerror = request.ontimeout = () => fellBehind();
  request.onloadend = () => {
    asking = false;
    if (!taken) refreshIn(AGAIN_IN);
    else if (document.querySelector("[data-unanswered]")) refreshIn(ANSWERED_BY);
    if (again) { again = false; refresh(); }
  };
  request.send();
}

// Whether what is shown is how it is: a page that looks live and is not would mislead.

const QUIET = 32000; // milliseconds; the server says every 15 s that it is still there: ask it
const SILENT = 40000; // milliseconds: it does not answer
const BEHIND = 5000; // milliseconds that a change may wait for being read
const notLive = document.querySelector("[data-not-live]");
let asOf = Date.now();
let silentSince = asOf;
let behind = null; // since when a change could not be read
let signedOut = false;

function heard() {
  silentSince = Date.now();
  if (behind === null) asOf = silentSince;
}

function upToDate() {
  behind = null;
  signedOut = false;
  heard();
  doubt();
}

function fellBehind(isSignedOut = false) {
  behind ??= Date.now();
  signedOut = isSignedOut;
  doubt();
}

function doubt() {
  if (!notLive || !document.body.dataset.events || document.visibilityState === "hidden") return;
  const now = Date.now();
  if (now - Math.max(silentSince, askedAt) > QUIET && !asking) refresh({ unattended: true });
  const lost = signedOut || !navigator.onLine || now - silentSince > SILENT || (behind !== null && now - behind > BEHIND);
  for (const one of notLive.children) one.hidden = one.hasAttribute("data-signed-out") !== signedOut;
  if (lost === !notLive.hidden) return;
  notLive.hidden = !lost;
  for (const time of notLive.querySelectorAll("time")) time.dateTime = new Date(asOf).toISOString();
  if (lost) say(signedOut ? "You are signed out: the page is not up to date." : "The page is not up to date.");
  tick();
}

let source = null;

// Turned away: too many watch, or nobody is signed in. The page goes on by asking now and then.
const SLOWLY = 15000;
let slowly = null;

function listen() {
  clearTimeout(slowly);
  const events = document.body.dataset.events;
  if (!events || document.visibilityState === "hidden") {
    source?.close();
    source = null;
    return;
  }
  if (source && source.readyState !== EventSource.CLOSED) return;
  const opened = source = new EventSource(events);
  for (const word of ["open", "still", "change"]) source.addEventListener(word, heard);
  source.addEventListener("change", changed);
  source.addEventListener("error", () => {
    if (opened !== source || opened.readyState !== EventSource.CLOSED) return;
    slowly = setTimeout(() => { refresh({ unattended: true }); listen(); }, SLOWLY * (1 + Math.random()));
  });
}

export function live(wire) {
  wired = wire;
  setInterval(doubt, 1000);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "hidden") {
      silentSince = Math.max(silentSince, Date.now() - SILENT + BEHIND); // it slept: let it ask first
      if (signedOut) refresh();
    }
    listen();
  });
  addEventListener("offline", doubt);
  addEventListener("online", () => { refresh(); listen(); });
  listen();
}
