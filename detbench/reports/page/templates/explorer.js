/* Explorer: class, IoU and detectors are chosen, and both plots, their tables and the small plots follow. */

const shown = (value, digits) => value == null || Number.isNaN(value) ? "–" : value.toFixed(digits);
const MOST_BANDS = 4;
const NAMES = { f: "F1", p: "Precision", r: "Recall" };

class Explorer {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.control = (name) => root.querySelector(`[data-control="${name}"]`);
    this.figures = { pr: root.querySelector('[data-explorer="pr"]'), score: root.querySelector('[data-explorer="score"]') };
    this.plots = {};
    this.at = { pr: 0.5, score: 0.5 };
    this.control("class").value = String(this.widest());
    for (const name of ["class", "iou", "measure"]) this.control(name).addEventListener("change", () => this.draw());
    for (const box of root.querySelectorAll('[data-control="detector"]')) box.addEventListener("change", () => this.draw());
    for (const kind of ["pr", "score"]) {
      this.figures[kind].querySelector("[data-probe]").addEventListener("input", (event) => this.probe(kind, Number(event.target.value), true));
    }
    this.multiples();
    this.draw();
    new ResizeObserver(() => this.resize()).observe(this.figures.pr);
  }

  /* The class to look at first: of the half with most objects the one in which the detectors differ most. */
  widest() {
    const iou = Number(this.control("iou").value), counts = [...this.data.objects].sort((a, b) => a - b);
    const enough = counts[Math.floor(counts.length / 2)];
    let found = 0, gap = -1;
    this.data.curves.forEach((levels, k) => {
      const values = levels[iou].map((curve) => curve.ap).filter((value) => value != null);
      const spread = values.length && this.data.objects[k] >= enough ? Math.max(...values) - Math.min(...values) : -1;
      if (spread > gap) [found, gap] = [k, spread];
    });
    return found;
  }

  get chosen() {
    return [...this.root.querySelectorAll('[data-control="detector"]:checked')].map((box) => Number(box.value));
  }

  choose(k) {
    this.control("class").value = String(k);
    this.draw();
  }

  draw() {
    const k = Number(this.control("class").value), t = Number(this.control("iou").value);
    this.curves = this.data.curves[k][t].map(precisionRecall);
    this.scores = this.data.scores[k].map(scoreCurve);
    const name = this.data.classes[k], isolated = `\u2068${name}\u2069`;
    this.figures.pr.querySelector("[data-about]").textContent = `${isolated}, IoU ${this.data.ious[t].toFixed(2)}`;
    this.figures.score.querySelector("[data-about]").textContent = isolated;
    this.drawPrecisionRecall(isolated, t);
    this.drawScores(isolated);
    for (const button of this.root.querySelectorAll("[data-multiple]")) button.setAttribute("aria-pressed", String(Number(button.dataset.multiple) === k));
    for (const kind of ["pr", "score"]) {
      for (const row of this.figures[kind].querySelectorAll("[data-row]")) row.hidden = !this.chosen.includes(Number(row.dataset.row));
      this.probe(kind, this.at[kind], false);
    }
    if (this.drawnIou !== t) this.drawMultiples(t);
  }

  plot(kind, lines, labels, range) {
    this.plots[kind]?.destroy();
    const host = this.figures[kind].querySelector("[data-plot]");
    this.plots[kind] = drawPlot(host, lines, labels, range, (value) => this.answer(kind, value));
  }

  drawPrecisionRecall(name, t) {
    const plotted = this.data.ious[t] === this.data.plotted, k = Number(this.control("class").value);
    const lines = this.chosen.flatMap((d) => {
      const curve = this.curves[d], colour = colourOf(this.root, d);
      const [x, p] = risingX(curve.r, curve.p, true), [steps, envelope] = risingX(curve.r, curve.envelope, false);
      if (steps.length && steps[0] > 0) {
        steps.unshift(0);
        envelope.unshift(envelope[0]);
      }
      const best = plotted ? this.best(d) : null, scores = this.scores[d];
      return [
        { x, y: p, colour: faint(colour), width: 1, answers: true, ring: best === null ? null : [scores.r[best], scores.p[best]], ringColour: colour },
        { x: steps, y: envelope, colour, width: 2, dash: DASHES[d % 4], stepped: true, band: plotted && this.chosen.length <= MOST_BANDS ? this.data.bands[k][d] : null },
      ];
    });
    this.plot("pr", lines, { x: "recall", y: "precision" }, { x: [0, 1], y: [0, 1.02] });
    const values = this.chosen.map((d) => `${this.data.detectors[d]} AP ${shown(this.curves[d].ap, 3)}`).join(", ");
    this.figures.pr.querySelector("[data-plot]").setAttribute("aria-label", `Precision over recall for ${name} at IoU ${this.data.ious[t].toFixed(2)}: ${values}`);
  }

  drawScores(name) {
    const measure = this.control("measure").value, lines = [];
    let low = 0, high = 1;
    for (const d of this.chosen) {
      const curve = this.scores[d];
      if (curve.s.length) [low, high] = [Math.min(low, curve.s[0]), Math.max(high, curve.s.at(-1))];
      const [x, y] = risingX(curve.s, curve[measure], false), best = this.best(d);
      lines.push({ x, y, colour: colourOf(this.root, d), width: 2, dash: DASHES[d % 4], answers: true, ring: best === null ? null : [curve.s[best], curve[measure][best]] });
    }
    const slider = this.figures.score.querySelector("[data-probe]");
    [slider.min, slider.max, slider.step] = [low, high, (high - low) / 100];
    this.at.score = Math.min(Math.max(this.at.score, low), high);
    this.plot("score", lines, { x: "score threshold", y: NAMES[measure] }, { x: [low, high], y: [0, 1.02] });
    this.figures.score.querySelector("[data-plot]").setAttribute("aria-label", `${NAMES[measure]} over the score threshold for ${name}`);
  }

  best(d) {
    const f = this.scores[d].f;
    return Math.max(0, ...f) > 0 ? f.lastIndexOf(Math.max(...f)) : null;
  }

  /* Put the cursor of a plot at a value, as the pointer would. */
  probe(kind, value, moved) {
    const plot = this.plots[kind];
    if (moved) plot.setCursor({ left: plot.valToPos(value, "x"), top: plot.bbox.height / devicePixelRatio / 2 });
    this.answer(kind, value);
  }

  answer(kind, value) {
    this.at[kind] = value;
    const figure = this.figures[kind], slider = figure.querySelector("[data-probe]");
    if (document.activeElement !== slider || Math.abs(Number(slider.value) - value) > Number(slider.step)) slider.value = value;
    figure.querySelector("[data-probed]").textContent = shown(value, 2);
    const spoken = [];
    for (const row of figure.querySelectorAll("[data-row]:not([hidden])")) {
      const d = Number(row.dataset.row), values = kind === "pr" ? this.atRecall(d, value) : this.atScore(d, value);
      for (const cell of row.querySelectorAll("[data-out]")) cell.textContent = shown(values[cell.dataset.out], 3);
      spoken.push(`${this.data.detectors[d]} precision ${shown(values.p, 2)} recall ${shown(values.r, 2)}`);
    }
    slider.setAttribute("aria-valuetext", `${shown(value, 2)}: ${spoken.join("; ")}`);
  }

  atRecall(d, recall) {
    const curve = this.curves[d], i = curve.r.findIndex((value) => value >= recall - 1e-9);
    return i < 0 ? { ap: curve.ap } : { ap: curve.ap, s: curve.s[i], p: curve.p[i], r: curve.r[i] };
  }

  atScore(d, score) {
    const curve = this.scores[d], i = curve.s.findIndex((value) => value >= score - 1e-9), best = this.best(d);
    const values = i < 0 ? {} : { f: curve.f[i], p: curve.p[i], r: curve.r[i] };
    return best === null ? values : { ...values, bf: curve.f[best], bs: curve.s[best] };
  }

  resize() {
    for (const [kind, plot] of Object.entries(this.plots)) {
      const host = this.figures[kind].querySelector("[data-plot]");
      if (host.clientWidth > 0) plot.setSize({ width: host.clientWidth, height: host.clientHeight });
    }
  }

  multiples() {
    const host = this.root.querySelector("[data-multiples]");
    if (!host) return;
    this.data.classes.forEach((name, k) => {
      const button = document.createElement("button"), label = document.createElement("bdi");
      button.type = "button";
      button.dataset.multiple = k;
      label.textContent = label.title = name;
      button.append(document.createElementNS("http://www.w3.org/2000/svg", "svg"), label);
      button.addEventListener("click", () => { this.choose(k); this.figures.pr.scrollIntoView({ block: "nearest" }); });
      host.append(button);
    });
  }

  drawMultiples(t) {
    this.drawnIou = t;
    for (const button of this.root.querySelectorAll("[data-multiple]")) {
      const svg = button.querySelector("svg");
      svg.setAttribute("viewBox", "0 0 100 72");
      svg.setAttribute("aria-hidden", "true");
      const path = (name, d) => {
        const made = document.createElementNS("http://www.w3.org/2000/svg", "path");
        made.setAttribute("class", name);
        made.setAttribute("d", d);
        return made;
      };
      const lines = this.data.curves[Number(button.dataset.multiple)][t].map((curve, d) => {
        const { r, envelope } = precisionRecall(curve);
        const points = r.map((x, i) => `V${(71 - 70 * envelope[i]).toFixed(1)}H${(0.5 + 99 * x).toFixed(1)}`).join("");
        return path(`d${d % 7}`, points ? `M.5 ${(71 - 70 * envelope[0]).toFixed(1)}${points}` : "");
      });
      svg.replaceChildren(path("box", "M.5 .5V71.5H99.5"), ...lines);
    }
  }
}
