// A convolution: its window on the image, the sum, the map, and the slopes that flow back.
const [kh, kw, deep] = run.kernel, [height, width, wide] = run.image, [rows, columns] = run.places;
const count = run.channels.length;
const ACTIVATION = { relu: (z) => Math.max(z, 0), tanh: Math.tanh, sigmoid }[run.activation];
const frames = run.frames.map((frame) => {
  let made = null;
  return () => (made ??= { ...frame, ...Object.fromEntries(["x", "w", "b", "z", "d", "g"].map((k) => [k, floats(frame[k] ?? run[k])])) });
});
let [row, column, channel] = run.window; // the channel as its place among those of the page

const first = () => deep * Math.floor((run.channels[channel] * run.groups) / run.outputs);
const spot = (i, a, which) => i * run.stride[which] + a * run.dilation[which] - run.padding[which][0];
const entry = (a, b, c) => ((a * kw + b) * deep + c) * count + channel;
const pixel = (f, i, j, c) => (i < 0 || j < 0 || i >= height || j >= width ? 0 : f.x[(i * width + j) * wide + c]);
const seen = (f, i, j, a, b, c) => pixel(f, spot(i, a, 0), spot(j, b, 1), first() + c);
const name = (a, b, c) => {
  const i = spot(row, a, 0), j = spot(column, b, 1), out = i < 0 || j < 0 || i >= height || j >= width;
  return out ? `padding ${number(i)},${number(j)}` : `${i},${j}` + (wide > 1 ? ` channel ${first() + c}` : "");
};
const entries = [];
for (let a = 0; a < kh; a++) for (let b = 0; b < kw; b++) for (let c = 0; c < deep; c++) entries.push([a, b, c]);

function drawInput(f) {
  const target = at("input"), shown = Math.min(deep, 16), [[above], [left]] = run.padding;
  const tall = height + above + run.padding[0][1], broad = width + left + run.padding[1][1];
  const plain = wide <= 3, low = plain ? Math.min(...f.x) : 0, top = plain ? Math.max(...f.x) : largest(f.x), signed = !plain && f.x.some((v) => v < 0);
  const reach = [(kh - 1) * run.dilation[0] + 1, (kw - 1) * run.dilation[1] + 1];
  target.replaceChildren();
  for (let c = 0; c < shown; c++) {
    const value = (i, j) => {
      const [r, s] = [i - above, j - left];
      return r < 0 || s < 0 || r >= height || s >= width ? null : pixel(f, r, s, first() + c);
    };
    const place = (i, j) => choose(Math.round((i - reach[0] / 2) / run.stride[0]), Math.round((j - reach[1] / 2) / run.stride[1]));
    tile(target, value, tall, broad, top, { signed, low, frame: [row * run.stride[0], column * run.stride[1], ...reach], size: shown > 1 ? 110 : 250, title: `channel ${first() + c}`, click: place });
  }
  at("input-name").textContent = `input ${height} x ${width}` + (wide > 1 ? `, channels ${first()} to ${first() + shown - 1}` + (shown < deep ? ` of ${deep}` : "") : "");
}

function drawFilter(id, value) {
  const target = at(id), top = largest(entries.map((e) => value(...e)));
  target.replaceChildren();
  for (let c = 0; c < Math.min(deep, 16); c++) {
    tile(target, (a, b) => value(a, b, c), kh, kw, top, { signed: true, size: deep > 1 ? 60 : 120, title: `channel ${first() + c}` });
  }
}

function drawMap(id, value) {
  const all = Array.from({ length: rows * columns }, (_, i) => value(Math.floor(i / columns), i % columns));
  at(id).replaceChildren();
  tile(at(id), value, rows, columns, largest(all), { signed: all.some((v) => v < 0), frame: [row, column, 1, 1], click: choose });
}

function ledger(f) {
  const k = (row * columns + column) * count + channel, d = f.d[k];
  const x = entries.map((e) => seen(f, row, column, ...e)), w = entries.map((e) => f.w[entry(...e)]);
  const lines = entries.map((e, n) => ({ line: [name(...e), number(x[n]), number(w[n]), number(x[n] * w[n]), number(x[n] * d)] }));
  const order = entries.map((_, n) => n);
  if (order.length > 16) order.sort((a, b) => Math.abs(x[b] * w[b]) - Math.abs(x[a] * w[a]));
  const shown = terms(lines, order, 16, (rest) => ["", "", number(sum(rest.map((n) => x[n] * w[n]))), ""]);
  shown.push(["bias", "1", number(f.b[channel]), number(f.b[channel]), number(d)]);
  const z = sum(x.map((v, n) => v * w[n])) + f.b[channel];
  const parts = ["<h3>Forward</h3>", table(["pixel", "x", "w", "x w", "x dJ/dz"], shown), result("z = sum x w + b =", z, f.z[k])];
  if (ACTIVATION) parts.push(result(`${escape(run.formula)} =`, ACTIVATION(f.z[k])));
  parts.push("<h3>Back</h3>", result("dJ/dz of this window, by jax.grad, =", d), ...everywhere(f, entries[[...entries.keys()].sort((a, b) => Math.abs(x[b] * w[b]) - Math.abs(x[a] * w[a]))[0]]));
  return parts.join("");
}

// The slope of one weight: it serves at every place.
function everywhere(f, [a, b, c]) {
  const parts = [], lines = [];
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) {
    const x = seen(f, i, j, a, b, c), d = f.d[(i * columns + j) * count + channel];
    parts.push(x * d);
    lines.push({ line: [`${i},${j}`, number(x), number(d), number(x * d)] });
  }
  const order = parts.map((_, n) => n).sort((p, q) => Math.abs(parts[q]) - Math.abs(parts[p]));
  return [`<p class="facts">The weight ${a},${b},${c} (that of the largest term) serves at ${parts.length} places:</p>`,
    table(["place", "x", "dJ/dz", "x dJ/dz"], terms(lines, order, 6, (rest) => ["", "", number(sum(rest.map((n) => parts[n])))])),
    result("dJ/dw = sum x dJ/dz over all places =", sum(parts), f.g[entry(a, b, c)])];
}

function choose(i, j) {
  row = Math.max(0, Math.min(rows - 1, i));
  column = Math.max(0, Math.min(columns - 1, j));
  show();
}

function show() {
  const f = frames[now](), z = (i, j) => f.z[(i * columns + j) * count + channel];
  showStep();
  at("loss").innerHTML = result(escape(run.loss) + " =", f.loss);
  at("answers").innerHTML = bars(f.answers, run.shares);
  drawInput(f);
  drawFilter("filter", (a, b, c) => f.w[entry(a, b, c)]);
  drawFilter("products", (a, b, c) => f.w[entry(a, b, c)] * seen(f, row, column, a, b, c));
  drawFilter("gradient", (a, b, c) => f.g[entry(a, b, c)]);
  drawMap("output", (i, j) => (ACTIVATION ? ACTIVATION(z(i, j)) : z(i, j)));
  drawMap("slopes", (i, j) => f.d[(i * columns + j) * count + channel]);
  at("output-name").textContent = `output ${rows} x ${columns}` + (ACTIVATION ? `, after ${run.activation}` : "");
  at("title").textContent = `${run.layer} window ${row},${column}, channel ${run.channels[channel]}`;
  at("row").value = row;
  at("column").value = column;
  at("channel").value = channel;
  at("ledger").innerHTML = ledger(f);
}

at("channel").innerHTML = run.channels.map((c, i) => `<option value="${i}">${c}</option>`).join("");
at("row").max = rows - 1;
at("column").max = columns - 1;
at("channel").onchange = (event) => { channel = +event.target.value; show(); };
at("row").onchange = (event) => choose(Math.round(+event.target.value) || 0, column);
at("column").onchange = (event) => choose(row, Math.round(+event.target.value) || 0);
at("all").onchange = show;
show();
