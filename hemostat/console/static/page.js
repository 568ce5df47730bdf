// What every page has: words for who hears it instead of seeing it, and times that pass.

const said = document.querySelector("[data-said]");
export const say = (text) => { if (said) said.textContent = text; };

// Times that pass

const two = (number) => String(number).padStart(2, "0");

function span(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

export function tick() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[data-since], time[data-until]")) {
    if (!time.dateTime) continue;
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

export function here() {
  if (!zone) return;
  for (const time of document.querySelectorAll("time[data-local]:not([data-told])")) {
    const at = new Date(time.dateTime);
    time.dataset.told = "yes";
    time.append(` (${two(at.getHours())}:${two(at.getMinutes())} yours)`);
  }
  const told = document.querySelector("[data-zone]");
  if (told) told.textContent = `; yours is ${zone}`;
}
