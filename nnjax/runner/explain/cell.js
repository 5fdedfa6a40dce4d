// A recurrent layer: its gates and states over time, and the ledger of one unit at one time step.
const { length, inputs, units, gates, letters, kind, way } = run, width = gates.length * units;
const arrays = Object.keys(run.frames[0]).filter((k) => ["x", "s", "v", "h", "c", "d", "dh", "dc", "ds", "input", "recurrent", "bias", "recurrent_bias"].includes(k));
const frames = run.frames.map((frame) => {
  let made = null;
  return () => (made ??= { ...frame, ...Object.fromEntries(arrays.map((k) => [k, floats(frame[k])])) });
});
let [time, unit] = run.moment;

const state = (array, t, j) => (t < 0 || t >= length ? 0 : array[t * units + j]);
const gate = (array, t, g, j = unit) => (t < 0 || t >= length ? 0 : array[t * width + g * units + j]);
const squash = (g) => (["candidate", "hidden"].includes(gates[g]) ? Math.tanh : sigmoid);
const range = (n) => Array.from({ length: n }, (_, i) => i);

// x W and h U of one gate: the values, the weights, and their products.
function products(f, g, t = time, j = unit) {
  const k = g * units + j;
  const part = (name, values, weights) => range(values).map((i) => [`${name} ${i}`, name === "x" ? f.x[t * inputs + i] : state(f.h, t - way, i), f[weights][i * width + k]]);
  return [part("x", inputs, "input"), part("h", units, "recurrent")];
}
const total = (rows) => sum(rows.map(([, v, w]) => v * w));

function oneGate(f, g) {
  const k = g * units + unit, [fromX, fromH] = products(f, g), late = kind === "gru" && gates[g] === "candidate", z = letters[g];
  const lines = [fromX, fromH].flatMap((rows) => {
    const named = rows.map(([name, v, w]) => ({ line: [name, number(v), number(w), number(v * w)] }));
    const order = range(rows.length).sort((a, b) => Math.abs(rows[b][1] * rows[b][2]) - Math.abs(rows[a][1] * rows[a][2]));
    return terms(named, order, 4, (rest) => ["", "", number(total(rest.map((i) => rows[i])))]);
  });
  lines.push(["bias", "1", number(f.bias[k]), number(f.bias[k])]);
  if (late) lines.push(["bias d", "1", number(f.recurrent_bias[unit]), number(f.recurrent_bias[unit])]);
  const found = total(fromX) + (late ? 0 : total(fromH)) + f.bias[k], own = gate(f.s, time, g), waiting = late ? total(fromH) + f.recurrent_bias[unit] : 0;
  const parts = [`<h3>${gates[g]}${gates.length > 1 ? `: ${z}` : ""}</h3>`, table(["", "value", "weight", "product"], lines), result(`z = x W ${late ? "" : "+ h U "}+ b =`, found, own)];
  const inner = late ? own + gate(f.v, time, 0) * waiting : own, named = squash(g) === sigmoid ? "sigmoid(z)" : late ? "tanh(z + r (h U + d))" : "tanh(z)";
  parts.push(result(`${z} = ${named} =`, squash(g)(inner), gate(f.v, time, g)));
  return `<div>${parts.join("")}</div>`;
}

function newState(f) {
  const v = range(gates.length).map((g) => gate(f.v, time, g)), own = state(f.h, time, unit);
  if (kind === "lstm") {
    const c = state(f.c, time, unit);
    return result("c' = f c + u g =", v[1] * state(f.c, time - way, unit) + v[0] * v[2], c) + result("h' = o tanh(c') =", v[3] * Math.tanh(c), own);
  }
  return kind === "gru" ? result("h' = (1 - z) n + z h =", (1 - v[1]) * v[2] + v[1] * state(f.h, time - way, unit), own) : "";
}

function backwards(f) {
  const next = time + way, dh = state(f.dh, time, unit), shown = state(f.ds, time, unit), v = range(gates.length).map((g) => gate(f.v, time, g));
  const back = (g, j) => gate(f.d, next, g, j) * (kind === "gru" && g === 2 ? gate(f.v, next, 0, j) : 1);
  let later = sum(range(gates.length).map((g) => sum(range(units).map((j) => f.recurrent[unit * width + g * units + j] * back(g, j)))));
  if (kind === "gru") later += state(f.dh, next, unit) * gate(f.v, next, 1);
  const parts = [result(`dJ/dh' = ${number(shown, 4)} (by what reads h' now) ${later < 0 ? "\u2212" : "+"} ${number(Math.abs(later), 4)} (by the next step) =`, shown + later, dh)];
  let slopes = [dh];
  if (kind === "lstm") {
    const c = state(f.c, time, unit), kept = state(f.dc, next, unit) * gate(f.v, next, 1), dc = state(f.dc, time, unit);
    parts.push(result("dJ/dc' = dJ/dh' o (1 - tanh(c')^2) + dJ/dc' f of the next step =", dh * v[3] * (1 - Math.tanh(c) ** 2) + kept, dc));
    slopes = [dc * v[2], dc * state(f.c, time - way, unit), dc * v[0], dh * Math.tanh(c)];
  }
  if (kind === "gru") {
    const h = state(f.h, time - way, unit);
    slopes = [gate(f.d, time, 2) * (total(products(f, 2)[1]) + f.recurrent_bias[unit]), dh * (h - v[2]), dh * (1 - v[1])];
  }
  const rows = gates.map((name, g) => {
    const derivative = squash(g) === sigmoid ? v[g] * (1 - v[g]) : 1 - v[g] ** 2, found = slopes[g] * derivative, own = gate(f.d, time, g);
    return [name, escape(run.reports[g]), number(slopes[g]), number(derivative), number(found), number(own), number(Math.abs(found - own), 3)];
  });
  return parts.join("") + table(["gate", "dJ/d gate is", "dJ/d gate", "gate'", "dJ/dz", "the network has", "residual"], rows);
}

function maps(f) {
  const shown = kind === "rnn" ? [] : gates.map((name, g) => [name, (j, t) => gate(f.v, t, g, j)]);
  if (kind === "lstm") shown.push(["cell c", (j, t) => state(f.c, t, j)]);
  shown.push(["hidden h", (j, t) => state(f.h, t, j)], ["dJ/dh", (j, t) => state(f.dh, t, j)]);
  at("heat").replaceChildren(...shown.map(([name, value]) => {
    const box = document.createElement("div");
    box.innerHTML = `<h3>${escape(name)}</h3>`;
    const all = range(units).flatMap((j) => range(length).map((t) => value(j, t))), open = squash(gates.indexOf(name)) === sigmoid && gates.includes(name);
    tile(box, value, units, length, open ? 1 : largest(all), { signed: !open, ink: "--plus", size: 360, frame: [unit, time, 1, 1], click: choose });
    return box;
  }));
}

function choose(j, t) {
  unit = Math.max(0, Math.min(units - 1, j));
  time = Math.max(0, Math.min(length - 1, t));
  show();
}

function show() {
  const f = frames[now]();
  showStep();
  at("loss").innerHTML = result(escape(run.loss) + " =", f.loss);
  at("answers").innerHTML = bars(f.answers, run.shares) || "This net answers at every step.";
  maps(f);
  at("title").textContent = `${run.layer} unit ${unit}, time ${time}`;
  at("equations").textContent = run.equations;
  at("time").value = time;
  at("unit").value = unit;
  at("ledger").innerHTML = `<div class="gates">${gates.map((_, g) => oneGate(f, g)).join("")}</div><h3>State</h3>${newState(f)}<h3>Back</h3>${backwards(f)}`;
}

at("time").max = length - 1;
at("unit").max = units - 1;
at("time").onchange = (event) => choose(unit, Math.round(+event.target.value) || 0);
at("unit").onchange = (event) => choose(Math.round(+event.target.value) || 0, time);
at("all").onchange = show;
show();
