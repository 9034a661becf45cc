// Keeps the regions of a page up to date: a WebSocket on the page's own address brings those that changed.
// A region in which somebody selects or types waits. Focus, folds that have an id, and how far boxes are scrolled stay.
"use strict";

const AGAIN_MS = [500, 1000, 2000, 5000];
const connection = document.getElementById("connection");
let attempts = 0;
let problem = "";
let socket = null;

function say(text) {
  connection.textContent = text;
  connection.hidden = !text;
}

function keyOf(element) {
  return element.id || element.getAttribute("href") || element.name || null;
}

function replace(region, html) {
  const open = new Set([...region.querySelectorAll("details[open][id]")].map((one) => one.id));
  const active = region.contains(document.activeElement) ? document.activeElement : null;
  const key = active && keyOf(active);
  const scrolled = [...region.querySelectorAll(".scroll")].map((one) => [one.scrollLeft, one.scrollTop]);
  region.innerHTML = html;
  region.querySelectorAll(".scroll").forEach((one, place) => {
    if (scrolled[place]) [one.scrollLeft, one.scrollTop] = scrolled[place];
  });
  for (const one of region.querySelectorAll("details[id]")) one.open = one.open || open.has(one.id);
  if (key) {
    const same = [...region.querySelectorAll("a, button, input, select, summary, [id]")].find((one) => keyOf(one) === key);
    if (same) same.focus({ preventScroll: true });
  }
}

function isInUse(region) {
  const selection = document.getSelection();
  const ends = selection && !selection.isCollapsed ? [selection.anchorNode, selection.focusNode] : [];
  const active = document.activeElement;
  return ends.some((one) => region.contains(one)) || (region.contains(active) && active.matches("input, select, textarea"));
}

const waiting = new Map();

function update(regions) {
  for (const [name, html] of Object.entries(regions)) waiting.set(name, html);
  for (const [name, html] of waiting) {
    const region = document.getElementById(name);
    if (region && isInUse(region)) continue; // until it is left
    waiting.delete(name);
    if (region) replace(region, html);
  }
}

function connect() {
  const address = new URL(location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.hash = "";
  socket = new WebSocket(address);
  socket.onopen = () => { attempts = 0; say(""); };
  socket.onmessage = (message) => {
    const told = JSON.parse(message.data);
    if ("problem" in told) problem = told.problem;
    if (told.away) say(`Waiting for the database: ${told.away}`);
    else say(problem ? `This is no longer up to date: ${problem}` : "");
    if (told.regions) update(told.regions);
  };
  socket.onclose = () => {
    socket = null;
    if (document.hidden) return;
    say("The server does not answer; what is shown is as it was.");
    setTimeout(() => { if (!socket) connect(); }, AGAIN_MS[Math.min(attempts++, AGAIN_MS.length - 1)]);
  };
}

for (const left of ["selectionchange", "focusout"]) document.addEventListener(left, () => { if (waiting.size) setTimeout(update, 0, {}); });
document.addEventListener("visibilitychange", () => {
  if (document.hidden) { if (socket) socket.close(); } else if (!socket) connect();
});
window.addEventListener("pagehide", () => { if (socket) socket.close(); });
connect();
