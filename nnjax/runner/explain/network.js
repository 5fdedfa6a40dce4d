// The network, its neurons and their ledgers.
const sizes = run.sizes, last = sizes.length - 2;
const image = run.shape.length === 2 && run.shape[0] * run.shape[1] === sizes[0];
const ACTIVATION = {
  relu: [(z) => Math.max(z, 0), (z) => +(z > 0)],
  tanh: [Math.tanh, (z) => 1 - Math.tanh(z) ** 2],
  sigmoid: [sigmoid, (z) => sigmoid(z) * sigmoid(-z)],
  identity: [(z) => z, () => 1],
  step: [(z) => +(z >= 0), () => 0],
}[run.activation];
const COST = {
  cross_entropy: {
    loss: (z, t) => {
      const top = Math.max(...z);
      return sum(t) * (top + Math.log(sum(z.map((v) => Math.exp(v - top))))) - sum(z.map((v, k) => v * t[k]));
    },
    slope: (z, t) => softmax(z).map((p, k) => p * sum(t) - t[k]),
  },
  binary_cross_entropy: {
    loss: ([z], [t]) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - t * z,
    slope: (z, t) => z.map((v, k) => sigmoid(v) - t[k]),
  },
  squared_error: {
    loss: (z, t) => sum(z.map((v, k) => (v - t[k]) ** 2)),
    slope: (z, t) => z.map((v, k) => 2 * (v - t[k])),
  },
}[run.cost];

// One step of the training: views into its arrays, made when it is first looked at.
const frames = run.frames.map((frame) => {
  let made = null;
  return () => {
    if (made) return made;
    const all = { w: floats(frame.w), z: floats(frame.z), a: floats(frame.a), d: floats(frame.d) };
    made = { ...frame, weights: [], bias: [], z: [], a: [], slope: [], x: [] };
    let p = 0, n = 0;
    for (let l = 0; l <= last; l++) {
      const [from, to] = [sizes[l], sizes[l + 1]];
      made.weights.push(all.w.subarray(p, p + from * to));
      made.bias.push(all.w.subarray(p + from * to, p + (from + 1) * to));
      p += (from + 1) * to;
      for (const [name, key] of [["z", "z"], ["a", "a"], ["slope", "d"]]) {
        made[name].push(Array.from(all[key].subarray(n, n + to)));
      }
      n += to;
      made.x.push(l ? made.a[l - 1] : Array.from(floats(frame.x ?? run.x)));
    }
    return made;
  };
});
let [layer, neuron] = run.neuron;

const inputName = (l, i) => {
  if (l) return `${run.names[l - 1]} neuron ${i}`;
  return image ? `pixel ${Math.floor(i / run.shape[1])},${i % run.shape[1]}` : `input ${i}`;
};
const neuronName = (l, j) => `${run.names[l]} neuron ${j}` + (l === last && run.classes[j] ? ` (\u201c${run.classes[j]}\u201d)` : "");

// ---- the drawing -----------------------------------------------------------------------------------------
const WIDTH = 640, HEIGHT = 430, EDGES = 270, picture = image && sizes[0] > 16;
const small = sum(sizes) <= 24;
const places = sizes.map((count, l) => {
  const x = 50 + (l * (WIDTH - 100)) / (sizes.length - 1);
  if (l === 0 && picture) {
    const [rows, columns] = run.shape, cell = Math.min(150 / columns, 300 / rows);
    return Array.from({ length: count }, (_, i) => ({
      x: 8 + cell * ((i % columns) + 0.5), y: HEIGHT / 2 + cell * (Math.floor(i / columns) - rows / 2 + 0.5), r: cell / 2, square: true,
    }));
  }
  const tall = Math.min(count, 32), wide = Math.ceil(count / 32);
  const gap = Math.min((HEIGHT - (small ? 80 : 20)) / Math.max(tall, 1), 74), r = Math.min(gap * 0.4, 19);
  return Array.from({ length: count }, (_, i) => ({
    x: x + ((i % wide) - (wide - 1) / 2) * Math.min(gap, 13),
    y: HEIGHT / 2 + (Math.floor(i / wide) - (Math.ceil(count / wide) - 1) / 2) * gap - (small ? 18 : 0), r,
  }));
});
const ones = sizes.slice(0, -1).map((_, l) => ({ x: places[l][0].x, y: HEIGHT - 22, r: 9, square: true }));

function edges(f, back) {
  const chosen = [];
  for (let l = 0; l <= last; l++) {
    const [from, to] = [sizes[l], sizes[l + 1]];
    const value = back ? (i, j) => f.x[l][i] * f.slope[l][j] : (i, j) => f.weights[l][i * to + j];
    let all = [];
    for (let i = 0; i < from; i++) for (let j = 0; j < to; j++) all.push([l, i, j, value(i, j)]);
    const few = Math.ceil(EDGES / (last + 1));
    if (all.length > few) {
      const limit = all.map((e) => Math.abs(e[3])).sort((a, b) => b - a)[few];
      const own = l === layer ? all.filter((e) => e[2] === neuron).sort((a, b) => Math.abs(b[3]) - Math.abs(a[3])).slice(0, 24) : [];
      all = all.filter((e) => Math.abs(e[3]) > limit && !own.includes(e)).concat(own);
    }
    if (small) for (let j = 0; j < to; j++) all.push([l, -1, j, back ? f.slope[l][j] : f.bias[l][j]]);
    chosen.push(...all);
  }
  return chosen;
}

// A number in a neuron, as small as it has to be.
const within = (p, text, dark) => `<text class="${dark ? "inside" : ""}" style="font-size:${Math.min(11, (3.4 * p.r) / text.length).toFixed(1)}px" x="${p.x}" y="${p.y}">${text}</text>`;

function draw(target, f, back) {
  const lines = edges(f, back), top = largest(lines.map((e) => e[3]));
  const parts = [], texts = [], numbered = lines.length <= 30;
  for (const [l, i, j, v] of lines) {
    const a = i < 0 ? ones[l] : places[l][i], b = places[l + 1][j], s = share(v, top);
    const mine = l === layer && j === neuron ? " mine" : "";
    parts.push(`<line class="${tone(v)}${back ? " flow" : ""}${mine}" x1="${a.x.toFixed(1)}" y1="${a.y.toFixed(1)}" x2="${b.x.toFixed(1)}" y2="${b.y.toFixed(1)}" stroke-width="${(0.3 + (small ? 4.2 : 1.7) * s + (mine ? 0.4 : 0)).toFixed(2)}" stroke-opacity="${(mine ? Math.max(0.45, s) : 0.1 + (small ? 0.65 : 0.5) * s).toFixed(2)}"/>`);
    if (numbered) {
      const t = j % 2 ? 0.56 : 0.3;
      texts.push(`<text class="value" x="${(a.x + (b.x - a.x) * t).toFixed(1)}" y="${(a.y + (b.y - a.y) * t).toFixed(1)}">${number(v, 2)}</text>`);
    }
  }
  const shown = sizes.map((_, l) => (l ? (back ? f.slope[l - 1] : f.a[l - 1]) : back ? null : f.x[0]));
  const slopes = largest(f.slope.map(largest));
  shown.forEach((values, l) => places[l].forEach((p, j) => {
    const v = values ? values[j] : 0, s = values ? share(v, back ? slopes : largest(values)) : 0;
    const own = l === layer + 1 && j === neuron ? " mine" : "", tip = l ? neuronName(l - 1, j) : inputName(0, j);
    const body = p.square
      ? `<rect x="${p.x - p.r}" y="${p.y - p.r}" width="${2 * p.r}" height="${2 * p.r}"`
      : `<circle cx="${p.x}" cy="${p.y}" r="${p.r}"`;
    parts.push(`<g class="node${own}"${l ? ` data-layer="${l - 1}" data-neuron="${j}"` : ""}>${body} class="paper"/>${body} class="${tone(v)}" fill-opacity="${(0.85 * s).toFixed(3)}"><title>${escape(tip)}: ${values ? number(v) : "input"}</title></${p.square ? "rect" : "circle"}>` +
      (p.r >= 14 && values ? within(p, number(v, 2), s > 0.75) : "") + "</g>");
  }));
  if (small) for (const p of ones) parts.push(`<rect class="one" x="${p.x - p.r}" y="${p.y - p.r}" width="${2 * p.r}" height="${2 * p.r}"/><text x="${p.x}" y="${p.y}">1</text>`);
  if (run.classes.length && sizes[last + 1] <= 12) places[last + 1].forEach((p, j) => texts.push(`<text class="name" x="${p.x + p.r + 4}" y="${p.y}">${escape(run.classes[j] ?? "")}</text>`));
  target.innerHTML = parts.join("") + texts.join("");
  return top;
}

// ---- the ledger ------------------------------------------------------------------------------------------
function ledger(f) {
  const l = layer, j = neuron, to = sizes[l + 1], before = now > 0 ? frames[now - 1]() : null;
  const w = Array.from({ length: sizes[l] }, (_, i) => f.weights[l][i * to + j]), x = f.x[l], d = f.slope[l][j];
  const change = (v, old) => (before ? number(v - old, 3) : "");
  const rows = w.map((v, i) => ({
    size: Math.abs(v * x[i]),
    line: [escape(inputName(l, i)), number(x[i]), number(v), number(v * x[i]), change(v, before?.weights[l][i * to + j]), number(x[i] * d)],
  }));
  const order = rows.map((_, i) => i);
  if (rows.length > 16) order.sort((a, b) => rows[b].size - rows[a].size);
  const lines = terms(rows, order, 16, (rest) => ["", "", number(sum(rest.map((i) => w[i] * x[i]))), "", ""]);
  lines.push(["bias", "1", number(f.bias[l][j]), number(f.bias[l][j]), change(f.bias[l][j], before?.bias[l][j]), number(d)]);
  const z = sum(w.map((v, i) => v * x[i])) + f.bias[l][j];
  const since = before ? `change since step ${before.step}` : "";
  const parts = [`<h3>Forward</h3>`, table(["input", "x", "w", "x w", since, "dJ/dw = x dJ/dz"], lines), result("z = sum x w + b =", z, f.z[l][j])];
  if (l < last && ACTIVATION) parts.push(result(`${escape(run.formulas.activation)} =`, ACTIVATION[0](f.z[l][j]), f.a[l][j]));
  else parts.push(result(`${escape(l < last ? "a = f(z)" : run.formulas.output)} =`, f.a[l][j]));
  parts.push(`<h3>Back</h3>`, ...backwards(f, l, j, d));
  return parts.join("");
}

function backwards(f, l, j, d) {
  if (l === last) {
    if (!COST) return [result("dJ/dz, by jax.grad of the run's own loss, =", d)];
    return [result(`${escape(run.formulas.slope)}, t = ${number(run.targets[j])}: &nbsp;`, COST.slope(f.z[l], run.targets)[j], d)];
  }
  const to = sizes[l + 2], after = Array.from({ length: to }, (_, k) => f.weights[l + 1][j * to + k]);
  const back = after.map((v, k) => v * f.slope[l + 1][k]);
  const rows = back.map((v, k) => ({ line: [escape(neuronName(l + 1, k)), number(after[k]), number(f.slope[l + 1][k]), number(v)] }));
  const order = rows.map((_, k) => k);
  if (rows.length > 16) order.sort((a, b) => Math.abs(back[b]) - Math.abs(back[a]));
  const lines = terms(rows, order, 16, (rest) => ["", "", number(sum(rest.map((k) => back[k])))]);
  const total = sum(back), parts = [table(["neuron after", "w", "dJ/dz there", "w dJ/dz"], lines), result("dJ/da = sum w dJ/dz =", total)];
  if (!ACTIVATION) return [...parts, result("dJ/dz, by jax.grad, =", d)];
  const slope = ACTIVATION[1](f.z[l][j]);
  return [...parts, result(`${escape(run.formulas.derivative)} =`, slope), result("dJ/dz = dJ/da f'(z) =", total * slope, d)];
}

// ---- the page --------------------------------------------------------------------------------------------
function answers(f) {
  const out = f.a[last], order = out.map((_, k) => k).sort((a, b) => out[b] - out[a]).slice(0, 10);
  const share = run.cost && run.cost !== "squared_error";
  return bars(order.map((k) => [run.classes[k] ?? `output ${k}`, out[k], run.targets?.[k] === 1]), share);
}

function show() {
  const f = frames[now]();
  showStep();
  const found = COST ? COST.loss(f.z[last], run.targets) : null;
  at("loss").innerHTML = result(escape(run.formulas.cost) + " =", COST ? found : f.loss, COST ? f.loss : undefined);
  at("answers").innerHTML = answers(f);
  const most = draw(at("ahead"), f, false), steepest = draw(at("behind"), f, true);
  at("ahead-note").textContent = `The strongest weight drawn is ${number(most, 3)}.`;
  at("behind-note").textContent = steepest ? `The largest slope drawn is ${number(steepest, 3)}.` : "No slope flows back: this example has nothing to correct.";
  at("title").textContent = neuronName(layer, neuron);
  at("layer").value = layer;
  at("neuron").max = sizes[layer + 1] - 1;
  at("neuron").value = neuron;
  at("ledger").innerHTML = ledger(f);
}

at("layer").innerHTML = sizes.slice(1).map((_, l) => `<option value="${l}">${escape(run.names[l])}</option>`).join("");
at("all").onchange = show;
at("layer").onchange = (event) => { layer = +event.target.value; neuron = 0; show(); };
at("neuron").onchange = (event) => { neuron = Math.max(0, Math.min(sizes[layer + 1] - 1, Math.round(+event.target.value) || 0)); show(); };
document.addEventListener("click", (event) => {
  const node = event.target.closest("[data-layer]");
  if (node) { layer = +node.dataset.layer; neuron = +node.dataset.neuron; show(); }
});
show();
