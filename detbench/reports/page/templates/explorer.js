/* Explorer: two plots of the selected class, IoU threshold and detectors, with tables of the values
   at the cursor, and a small plot of each class. */

const formatted = (value, digits) =>
  value == null || Number.isNaN(value) ? "–" : value.toFixed(digits);
const MAX_BANDS = 4;
const MEASURE_NAMES = { f: "F1", p: "Precision", r: "Recall" };
const PLOTS = ["pr", "score"];

class Explorer {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.control = (name) => root.querySelector(`[data-control="${name}"]`);
    this.figures = {
      pr: root.querySelector('[data-explorer="pr"]'),
      score: root.querySelector('[data-explorer="score"]'),
    };
    this.plots = {};
    this.cursor = { pr: 0.5, score: 0.5 };
    this.control("class").value = String(this.initialClass());
    for (const name of ["class", "iou", "measure"]) {
      this.control(name).addEventListener("change", () => this.draw());
    }
    for (const box of root.querySelectorAll('[data-control="detector"]')) {
      box.addEventListener("change", () => this.draw());
    }
    for (const kind of PLOTS) {
      this.slider(kind).addEventListener("input", (event) => {
        this.moveCursor(kind, Number(event.target.value));
      });
    }
    this.addMultiples();
    this.draw();
    new ResizeObserver(() => this.resize()).observe(this.figures.pr);
  }

  slider(kind) {
    return this.figures[kind].querySelector("[data-probe]");
  }

  host(kind) {
    return this.figures[kind].querySelector("[data-plot]");
  }

  /* Of the half of the classes with most objects, that in which the detectors differ most. */
  initialClass() {
    const iou = Number(this.control("iou").value);
    const counts = [...this.data.objects].sort((a, b) => a - b);
    const median = counts[Math.floor(counts.length / 2)];
    let initial = 0, largest = -1;
    this.data.curves.forEach((levels, k) => {
      const values = levels[iou].map((curve) => curve.ap).filter((value) => value != null);
      if (!values.length || this.data.objects[k] < median) return;
      const range = Math.max(...values) - Math.min(...values);
      if (range > largest) [initial, largest] = [k, range];
    });
    return initial;
  }

  get detectors() {
    const boxes = this.root.querySelectorAll('[data-control="detector"]:checked');
    return [...boxes].map((box) => Number(box.value));
  }

  selectClass(k) {
    this.control("class").value = String(k);
    this.draw();
  }

  draw() {
    const k = Number(this.control("class").value), t = Number(this.control("iou").value);
    this.curves = this.data.curves[k][t].map(precisionRecall);
    this.scores = this.data.scores[k].map(scoreCurve);
    const name = `\u2068${this.data.classes[k]}\u2069`, iou = this.data.ious[t].toFixed(2);
    this.figures.pr.querySelector("[data-about]").textContent = `${name}, IoU ${iou}`;
    this.figures.score.querySelector("[data-about]").textContent = name;
    this.drawPrecisionRecall(name, k, t);
    this.drawScores(name);
    for (const button of this.root.querySelectorAll("[data-multiple]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.multiple) === k));
    }
    for (const kind of PLOTS) {
      for (const row of this.figures[kind].querySelectorAll("[data-row]")) {
        row.hidden = !this.detectors.includes(Number(row.dataset.row));
      }
      this.showValues(kind, this.cursor[kind]);
    }
    if (this.drawnIou !== t) this.drawMultiples(t);
  }

  plot(kind, lines, labels, range) {
    this.plots[kind]?.destroy();
    const onMove = (value) => this.showValues(kind, value);
    this.plots[kind] = drawPlot(this.host(kind), lines, labels, range, onMove);
  }

  drawPrecisionRecall(name, k, t) {
    const isPlottedIou = this.data.ious[t] === this.data.plotted;
    const hasBands = isPlottedIou && this.detectors.length <= MAX_BANDS;
    const lines = this.detectors.flatMap((d) => {
      const curve = this.curves[d], scores = this.scores[d], color = colorOf(this.root, d);
      const [x, p] = risingX(curve.r, curve.p, true);
      const [steps, envelope] = risingX(curve.r, curve.envelope, false);
      if (steps.length && steps[0] > 0) {
        steps.unshift(0);
        envelope.unshift(envelope[0]);
      }
      const best = isPlottedIou ? this.bestIndex(d) : null;
      const measured = {
        x,
        y: p,
        color: faint(color),
        width: 1,
        answers: true,
        ring: best === null ? null : [scores.r[best], scores.p[best]],
        ringColor: color,
      };
      const interpolated = {
        x: steps,
        y: envelope,
        color,
        width: 2,
        dash: DASHES[d % 4],
        stepped: true,
        band: hasBands ? this.data.bands[k][d] : null,
      };
      return [measured, interpolated];
    });
    this.plot("pr", lines, { x: "recall", y: "precision" }, { x: [0, 1], y: [0, 1.02] });
    const values = this.detectors.map(
      (d) => `${this.data.detectors[d]} AP ${formatted(this.curves[d].ap, 3)}`,
    );
    const setting = `${name} at IoU ${this.data.ious[t].toFixed(2)}`;
    const label = `Precision over recall for ${setting}: ${values.join(", ")}`;
    this.host("pr").setAttribute("aria-label", label);
  }

  drawScores(name) {
    const measure = this.control("measure").value, lines = [];
    let low = 0, high = 1;
    for (const d of this.detectors) {
      const curve = this.scores[d];
      if (curve.s.length) {
        low = Math.min(low, curve.s[0]);
        high = Math.max(high, curve.s.at(-1));
      }
      const [x, y] = risingX(curve.s, curve[measure], false), best = this.bestIndex(d);
      lines.push({
        x,
        y,
        color: colorOf(this.root, d),
        width: 2,
        dash: DASHES[d % 4],
        answers: true,
        ring: best === null ? null : [curve.s[best], curve[measure][best]],
      });
    }
    const slider = this.slider("score");
    [slider.min, slider.max, slider.step] = [low, high, (high - low) / 100];
    this.cursor.score = Math.min(Math.max(this.cursor.score, low), high);
    const labels = { x: "score threshold", y: MEASURE_NAMES[measure] };
    this.plot("score", lines, labels, { x: [low, high], y: [0, 1.02] });
    const label = `${MEASURE_NAMES[measure]} by score threshold for ${name}`;
    this.host("score").setAttribute("aria-label", label);
  }

  /* The index of the best F1 of a detector; of equal ones, that of the highest score. */
  bestIndex(d) {
    const f = this.scores[d].f, best = Math.max(0, ...f);
    return best > 0 ? f.lastIndexOf(best) : null;
  }

  /* Moves the cursor of a plot to an x value, as the pointer would. */
  moveCursor(kind, value) {
    const plot = this.plots[kind];
    const top = plot.bbox.height / devicePixelRatio / 2;
    plot.setCursor({ left: plot.valToPos(value, "x"), top });
    this.showValues(kind, value);
  }

  showValues(kind, value) {
    this.cursor[kind] = value;
    const figure = this.figures[kind], slider = this.slider(kind);
    const isMovingSlider = document.activeElement === slider
      && Math.abs(Number(slider.value) - value) <= Number(slider.step);
    if (!isMovingSlider) slider.value = value;
    figure.querySelector("[data-probed]").textContent = formatted(value, 2);
    const spoken = [];
    for (const row of figure.querySelectorAll("[data-row]:not([hidden])")) {
      const d = Number(row.dataset.row);
      const values = kind === "pr" ? this.atRecall(d, value) : this.atScore(d, value);
      for (const cell of row.querySelectorAll("[data-out]")) {
        cell.textContent = formatted(values[cell.dataset.out], 3);
      }
      const precision = formatted(values.p, 2), recall = formatted(values.r, 2);
      spoken.push(`${this.data.detectors[d]} precision ${precision} recall ${recall}`);
    }
    slider.setAttribute("aria-valuetext", `${formatted(value, 2)}: ${spoken.join("; ")}`);
  }

  atRecall(d, recall) {
    const curve = this.curves[d], i = curve.r.findIndex((value) => value >= recall - 1e-9);
    if (i < 0) return { ap: curve.ap };
    return { ap: curve.ap, s: curve.s[i], p: curve.p[i], r: curve.r[i] };
  }

  atScore(d, score) {
    const curve = this.scores[d], i = curve.s.findIndex((value) => value >= score - 1e-9);
    const values = i < 0 ? {} : { f: curve.f[i], p: curve.p[i], r: curve.r[i] };
    const best = this.bestIndex(d);
    return best === null ? values : { ...values, bf: curve.f[best], bs: curve.s[best] };
  }

  resize() {
    for (const [kind, plot] of Object.entries(this.plots)) {
      const host = this.host(kind);
      if (host.clientWidth > 0) {
        plot.setSize({ width: host.clientWidth, height: host.clientHeight });
      }
    }
  }

  addMultiples() {
    const host = this.root.querySelector("[data-multiples]");
    if (!host) return;
    this.data.classes.forEach((name, k) => {
      const button = document.createElement("button"), label = document.createElement("bdi");
      button.type = "button";
      button.dataset.multiple = k;
      label.textContent = label.title = name;
      button.append(document.createElementNS("http://www.w3.org/2000/svg", "svg"), label);
      button.addEventListener("click", () => {
        this.selectClass(k);
        this.figures.pr.scrollIntoView({ block: "nearest" });
      });
      host.append(button);
    });
  }

  drawMultiples(t) {
    this.drawnIou = t;
    const path = (className, d) => {
      const element = document.createElementNS("http://www.w3.org/2000/svg", "path");
      element.setAttribute("class", className);
      element.setAttribute("d", d);
      return element;
    };
    const x = (recall) => (0.5 + 99 * recall).toFixed(1);
    const y = (precision) => (71 - 70 * precision).toFixed(1);
    for (const button of this.root.querySelectorAll("[data-multiple]")) {
      const svg = button.querySelector("svg");
      svg.setAttribute("viewBox", "0 0 100 72");
      svg.setAttribute("aria-hidden", "true");
      const lines = this.data.curves[Number(button.dataset.multiple)][t].map((curve, d) => {
        const { r, envelope } = precisionRecall(curve);
        const points = r.map((recall, i) => `V${y(envelope[i])}H${x(recall)}`).join("");
        return path(`d${d % 7}`, points ? `M.5 ${y(envelope[0])}${points}` : "");
      });
      svg.replaceChildren(path("box", "M.5 .5V71.5H99.5"), ...lines);
    }
  }
}
