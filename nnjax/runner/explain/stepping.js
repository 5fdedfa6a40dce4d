"use strict";
// What all pages share: they hold the run's numbers, recompute every sum from them in double precision, and step
// through the training.
const run = JSON.parse(document.getElementById("numbers").textContent);
const at = (id) => document.getElementById(id);
const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const floats = (text) => {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Float32Array(bytes.buffer);
};
const sum = (values) => values.reduce((a, b) => a + b, 0);
const largest = (values) => values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
const sigmoid = (z) => 0.5 * (1 + Math.tanh(z / 2));
const softmax = (z) => {
  const top = Math.max(...z), powers = z.map((v) => Math.exp(v - top)), total = sum(powers);
  return powers.map((p) => p / total);
};
let now = run.start, playing = null;

const number = (v, digits = 6) => {
  if (v === 0) return "0";
  const size = Math.abs(v);
  const text = size < 1e-4 || size >= 1e6 ? v.toExponential(Math.max(digits - 3, 1)) : String(+v.toPrecision(digits));
  return text.replace(/-/g, "\u2212");
};
const share = (v, top) => (top ? Math.sqrt(Math.abs(v) / top) : 0);
const tone = (v) => (v < 0 ? "minus" : "plus");

// ---- ledgers ---------------------------------------------------------------------------------------------
const cells = (row, cell = "td") => "<tr>" + row.map((text, i) => `<${cell}${i ? " class=n" : ""}>${text}</${cell}>`).join("") + "</tr>";
const table = (head, rows) => `<div class="wide"><table><thead>${cells(head, "th")}</thead><tbody>${rows.map((r) => cells(r)).join("")}</tbody></table></div>`;
const result = (formula, found, own) => `<p class="result"><span>${formula}</span> <b>${number(found, 8)}</b>` +
  (own === undefined ? "" : ` <span class="own">the network has ${number(own, 8)}, residual ${number(Math.abs(found - own), 4)}</span>`) + "</p>";

// Answers as bars where they are shares of 1: [name, value, whether it is the right one], ...
const bars = (rows, shares) => rows.map(([name, v, wanted]) => `<div class="answer${wanted ? " wanted" : ""}"><span>${escape(name)}</span>` +
  (shares ? `<i><b style="width:${(100 * v).toFixed(1)}%"></b></i>` : "") + `<span class="n">${number(v, 4)}</span></div>`).join("");

// Lines of a sum: the first few, or all of them (so many as a page can show), and the others in one line.
function terms(rows, order, few, total) {
  const open = order.slice(0, at("all").checked ? 1000 : few), rest = order.slice(open.length);
  const lines = open.map((i) => rows[i].line);
  if (rest.length) lines.push([`${rest.length} others`, ...total(rest)]);
  return lines;
}

// ---- maps ------------------------------------------------------------------------------------------------
// One map as a picture. `frame` is [top, left, height, width]; `click` takes a row and a column.
function tile(target, value, tall, broad, top, { signed, low = 0, ink = "--ink", frame, size = 250, title = "", click } = {}) {
  const cell = Math.max(1, Math.min(26, Math.floor(size / Math.max(tall, broad)))), canvas = document.createElement("canvas");
  const look = getComputedStyle(document.documentElement), colour = (k) => look.getPropertyValue(k).trim();
  canvas.width = broad * cell + 2;
  canvas.height = tall * cell + 2;
  canvas.title = title;
  const paint = canvas.getContext("2d");
  for (let i = 0; i < tall; i++) for (let j = 0; j < broad; j++) {
    const v = value(i, j);
    paint.globalAlpha = v === null ? 0.35 : 1;
    paint.fillStyle = colour(v === null ? "--line" : "--paper");
    paint.fillRect(1 + j * cell, 1 + i * cell, cell, cell);
    if (v === null || !(top - low)) continue;
    paint.globalAlpha = signed ? share(v, top) : (v - low) / (top - low);
    paint.fillStyle = colour(signed ? (v < 0 ? "--minus" : "--plus") : ink);
    paint.fillRect(1 + j * cell, 1 + i * cell, cell, cell);
  }
  paint.globalAlpha = 1;
  paint.strokeStyle = colour("--line");
  paint.strokeRect(0.5, 0.5, canvas.width - 1, canvas.height - 1);
  if (frame) {
    for (const [name, width] of [["--paper", 5], ["--ink", 2.5]]) {
      paint.strokeStyle = colour(name);
      paint.lineWidth = width;
      paint.strokeRect(1 + frame[1] * cell, 1 + frame[0] * cell, frame[3] * cell, frame[2] * cell);
    }
  }
  if (click) {
    canvas.className = "click";
    canvas.onclick = (event) => click(Math.floor((event.offsetY - 1) / cell), Math.floor((event.offsetX - 1) / cell));
  }
  target.append(canvas);
}

// ---- steps of the training -------------------------------------------------------------------------------
function curve() {
  const losses = run.frames.map((f) => Math.max(f.loss, 1e-12)), high = Math.log(Math.max(...losses)), low = Math.min(Math.log(Math.min(...losses)), high - 1);
  const spot = (i) => [14 + (i * 272) / Math.max(losses.length - 1, 1), 12 + (46 * (high - Math.log(losses[i]))) / (high - low)];
  const line = losses.map((_, i) => spot(i).map((v) => v.toFixed(1)).join(",")).join(" ");
  const dots = losses.map((_, i) => `<circle class="${i === now ? "here" : ""}" data-frame="${i}" cx="${spot(i)[0]}" cy="${spot(i)[1]}" r="${i === now ? 6 : 3.5}"><title>step ${run.frames[i].step}: ${number(losses[i], 4)}</title></circle>`);
  const ends = [0, losses.length - 1].map((i) => `<text class="${i ? "last" : "first"}" x="${i ? 292 : 8}" y="78">step ${run.frames[i].step}</text>`);
  at("curve").innerHTML = `<polyline points="${line}"/>` + dots.join("") + ends.join("");
}

function showStep() {
  const f = run.frames[now];
  at("slider").value = now;
  at("where").textContent = `step ${f.step}, epoch ${f.epoch}`;
  at("source").textContent = f.source + Object.entries(f.row).map(([name, v]) => ` \u00b7 ${name.replace("_", " ")} ${number(v, 4)}`).join("");
  at("first").disabled = at("back").disabled = now === 0;
  at("forward").disabled = at("end").disabled = now === run.frames.length - 1;
  curve();
}

function go(frame) {
  now = Math.max(0, Math.min(run.frames.length - 1, frame));
  show();
}
function stop() {
  clearInterval(playing);
  playing = null;
  at("play").textContent = "play";
}
at("slider").max = run.frames.length - 1;
at("first").onclick = () => go(0);
at("back").onclick = () => go(now - 1);
at("forward").onclick = () => go(now + 1);
at("end").onclick = () => go(run.frames.length - 1);
at("slider").oninput = (event) => go(+event.target.value);
at("play").onclick = () => {
  if (playing) return stop();
  if (now === run.frames.length - 1) go(0);
  at("play").textContent = "pause";
  playing = setInterval(() => (now < run.frames.length - 1 ? go(now + 1) : stop()), 1100);
};
document.addEventListener("click", (event) => {
  const dot = event.target.closest("[data-frame]");
  if (dot) go(+dot.dataset.frame);
});
document.addEventListener("keydown", (event) => {
  if (["INPUT", "SELECT"].includes(event.target.tagName)) return;
  if (event.key === "ArrowRight") go(now + 1);
  if (event.key === "ArrowLeft") go(now - 1);
});
