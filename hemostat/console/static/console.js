// What a page can do better with scripts; without them it does everything as well.
// Nothing here makes markup from text: pages are fetched as documents and their parts moved over.

const said = document.querySelector("[data-said]");
const say = (text) => { if (said) said.textContent = text; };

// Times that pass

const two = (number) => String(number).padStart(2, "0");

function span(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

function tick() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[data-since], time[data-until]")) {
    const away = (new Date(time.dateTime).getTime() - now) / 1000;
    if (time.hasAttribute("data-since")) {
      time.textContent = span(Math.max(0, -away));
    } else {
      time.textContent = away >= 0 ? `in ${span(away)}` : `${span(-away)} ago`;
      time.classList.toggle("late", away < 0);
    }
  }
}
setInterval(tick, 1000);

// Beside an hour in UTC, the same hour where the reader is

const away = -new Date().getTimezoneOffset();
const zone = away ? `UTC${away < 0 ? "−" : "+"}${Math.floor(Math.abs(away) / 60)}${away % 60 ? `:${two(Math.abs(away) % 60)}` : ""}` : "";

function here() {
  if (!zone) return;
  for (const time of document.querySelectorAll("time[data-local]:not([data-told])")) {
    const at = new Date(time.dateTime);
    time.dataset.told = "yes";
    time.append(` (${two(at.getHours())}:${two(at.getMinutes())} yours)`);
  }
  const told = document.querySelector("[data-zone]");
  if (told) told.textContent = `; yours is ${zone}`;
}

// A page that changes by itself

function busy(part) {
  if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select, button")) return true;
  return [...part.querySelectorAll("textarea")].some((area) => area.value !== area.defaultValue)
    || [...part.querySelectorAll("input[type=radio]")].some((input) => input.checked !== input.defaultChecked);
}

function keep(part, fresh) {
  const open = new Map([...part.querySelectorAll("details")].map((one, at) => [one.parentElement.id || at, one.open]));
  [...fresh.querySelectorAll("details")].forEach((one, at) => {
    const was = open.get(one.parentElement.id || at);
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
    wire();
    tick();
    here();
    refocus?.focus({ preventScroll: true }); // last: what hears of the focus is wired by now
  }
}

function warn(part) {
  if (part.querySelector(".changed-meanwhile")) return;
  const note = document.createElement("p");
  note.className = "notice warn changed-meanwhile";
  note.append("This has changed while you were writing. ");
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = "Load it anew";
  note.append(link);
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
let again = false;
let later = null;

function refreshIn(milliseconds) {
  clearTimeout(later);
  later = setTimeout(refresh, milliseconds);
}

function refresh({ unattended = false } = {}) {
  if (asking) { again = true; return; }
  asking = true;
  const request = new XMLHttpRequest();
  request.open("GET", location.pathname + location.search);
  request.responseType = "document";
  if (unattended) request.setRequestHeader("X-Unattended", "yes"); // keeps no session from idling
  let taken = false;
  request.onload = () => {
    taken = request.status < 500 && request.status !== 429;
    if (request.status === 200 && request.responseXML) put(request.responseXML);
  };
  request.onloadend = () => {
    asking = false;
    if (!taken) refreshIn(AGAIN_IN);
    else if (document.querySelector("[data-unanswered]")) refreshIn(ANSWERED_BY);
    if (again) { again = false; refresh(); }
  };
  request.send();
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
  source.addEventListener("change", changed);
  source.addEventListener("error", () => {
    if (opened !== source || opened.readyState !== EventSource.CLOSED) return;
    slowly = setTimeout(() => { refresh({ unattended: true }); listen(); }, SLOWLY * (1 + Math.random()));
  });
}
document.addEventListener("visibilitychange", listen);

// The timeline: what is pointed at, or reached with the arrows, is told in words below it

function wire() {
  for (const picture of document.querySelectorAll("[data-timeline]")) {
    if (picture.dataset.wired) continue;
    picture.dataset.wired = "yes";
    const detail = document.querySelector("[data-timeline-detail]");
    const tell = (event) => {
      const mark = event.target.closest("[data-says]");
      if (!mark || !detail) return;
      detail.textContent = mark.dataset.says;
      detail.hidden = false;
    };
    picture.addEventListener("pointerover", tell);
    picture.addEventListener("pointerdown", tell);
    picture.addEventListener("focusin", tell);
    picture.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      const marks = [...picture.querySelectorAll("a[data-says]")];
      marks.at((marks.indexOf(document.activeElement) + step) % marks.length)?.focus();
      event.preventDefault();
    });
  }
}

function openTarget() {
  const target = location.hash.startsWith("#j") ? document.getElementById(location.hash.slice(1)) : null;
  const entry = target?.querySelector("details");
  if (entry) entry.open = true;
}
addEventListener("hashchange", openTarget);

// Shortcuts: they move the focus or lead elsewhere, and never decide

const off = () => { try { return localStorage.getItem("shortcuts") === "off"; } catch { return false; } };
const places = { i: "/incidents", d: "/decisions", p: "/playbooks", r: "/readiness", x: "/drills" };
let going = false;

function move(step) {
  const rows = [...document.querySelectorAll("[data-row] .row-link")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  rows[Math.min(Math.max(at + step, 0), rows.length - 1)].focus();
}

function reveal(id, first = "a, input, button, summary, textarea") {
  const target = document.getElementById(id);
  if (!target) return;
  target.scrollIntoView();
  target.querySelector(first)?.focus({ preventScroll: true });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || off()) return;
  if (event.target.matches?.("textarea, select, input:not([type=radio])")) return;
  if (going && places[event.key]) { location.href = places[event.key]; return; }
  going = event.key === "g";
  if (event.key === "?") {
    const list = document.getElementById("shortcuts");
    list.open = true;
    list.querySelector("summary").focus();
    list.scrollIntoView();
  } else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "a") reveal("asked");
  else if (event.key === "t") reveal("timeline", "[data-timeline] a");
});

const toggle = document.querySelector("[data-shortcuts-toggle]");
if (toggle) {
  const show = () => { toggle.hidden = false; toggle.textContent = off() ? "Turn shortcuts on" : "Turn shortcuts off"; };
  toggle.addEventListener("click", () => {
    try { localStorage.setItem("shortcuts", off() ? "on" : "off"); } catch { /* kept nowhere */ }
    show();
  });
  show();
}

// Sent once, however often it is tapped

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  if (form.matches(".decide:not(.say)")) {
    const reason = form.querySelector("input[name=reason]:checked") || form.querySelector("textarea").value.trim();
    if (!reason) {
      event.preventDefault();
      say("Say why first.");
      const why = form.querySelector("fieldset:has([name=reason]) legend");
      why.textContent = "Why? A decision needs its reason.";
      why.classList.add("bad-ink");
      form.querySelector("input[name=reason]").focus();
      return;
    }
  }
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

wire();
tick();
here();
openTarget();
listen();
