// What a page can do better with scripts; without them it does everything as well.
// Nothing here makes markup from text: pages are fetched as documents and their parts moved over.

import { live } from "./live.js";
import { here, say, tick } from "./page.js";

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
live(wire);
