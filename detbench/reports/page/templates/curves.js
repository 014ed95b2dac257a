/* Curves: from the compact values of the page to points, and a plot that follows the pointer. */

const DASHES = [[], [7, 3], [2, 2.5], [8, 3, 2, 3]];
const STEPS = 10000;
const fromSteps = (values) => values.map((value) => value / STEPS);

function precisionRecall(curve) {
  let recall = 0;
  const r = curve.r.map((step) => (recall += step) / STEPS), p = fromSteps(curve.p);
  const envelope = p.slice();
  for (let i = envelope.length - 2; i >= 0; i--) {
    envelope[i] = Math.max(envelope[i], envelope[i + 1]);
  }
  return { r, p, envelope, s: curve.s, ap: curve.ap };
}

function scoreCurve(curve) {
  const reversed = (values) => values.slice().reverse();
  return {
    s: reversed(curve.s),
    p: reversed(fromSteps(curve.p)),
    r: reversed(fromSteps(curve.r)),
    f: reversed(fromSteps(curve.f)),
  };
}

const TINY = 1e-6;

/* uPlot needs x values that differ. Of points with the same x, the first is kept; with `falls`, the
   last is kept too, a tiny step to the right, so that the line falls there. */
function risingX(x, column, falls) {
  const rising = [], values = [];
  for (let i = 0; i < x.length; i++) {
    const isFirst = i === 0 || x[i] !== x[i - 1];
    const isLast = i === x.length - 1 || x[i] !== x[i + 1];
    if (isFirst || (falls && isLast)) {
      rising.push(isFirst ? x[i] : x[i] + TINY);
      values.push(column[i]);
    }
  }
  return [rising, values];
}

function colorOf(root, series) {
  return getComputedStyle(root).getPropertyValue(`--d${series % 7}`).trim();
}

function faint(color) {
  return /^#[0-9a-f]{6}$/i.test(color) ? `${color}77` : color;
}

function firstPresent(column, from) {
  for (let i = Math.max(from, 0); i < column.length; i++) if (column[i] != null) return i;
  return null;
}

/* Draws `lines` into `host`. Each line has x, y, color, width, dash, and optionally: stepped (drawn
   in steps), answers (the cursor marks its values), ring (a marked point) and band (an interval).
   `onMove` is called with the x value at the cursor. */
function drawPlot(host, lines, labels, range, onMove) {
  const style = getComputedStyle(document.documentElement);
  const property = (name) => style.getPropertyValue(name).trim();
  const used = lines.filter((line) => line.x.length);
  const data = used.length
    ? uPlot.join(used.map((line) => [line.x, line.y]))
    : [[range.x[0], range.x[1]]];
  const font = "12px system-ui, sans-serif";
  const axis = (label, options) => ({
    stroke: property("--soft"),
    font,
    labelFont: font,
    label,
    labelSize: 16,
    grid: { stroke: property("--line"), width: 1 },
    ticks: { show: false },
    ...options,
  });
  const options = {
    width: Math.max(host.clientWidth, 120),
    height: Math.max(host.clientHeight, 120),
    legend: { show: false },
    padding: [8, 8, 0, 0],
    scales: { x: { time: false, range: () => range.x }, y: { range: () => range.y } },
    axes: [
      axis(labels.x, { size: 24, gap: 4, labelGap: 2, space: 60 }),
      axis(labels.y, { size: 34, gap: 6, labelGap: 2, space: 45 }),
    ],
    series: [{}, ...used.map((line) => ({
      stroke: line.color,
      width: line.width,
      dash: line.dash,
      spanGaps: true,
      paths: line.stepped ? uPlot.paths.stepped({ align: -1 }) : uPlot.paths.linear(),
      points: { show: false },
    }))],
    cursor: {
      x: true,
      y: false,
      drag: { x: false, y: false },
      focus: { prox: -1 },
      dataIdx: (plot, series, closest) => {
        if (series === 0) return closest;
        if (!used[series - 1].answers) return null;
        return firstPresent(plot.data[series], indexAtCursor(plot));
      },
      points: {
        size: 9,
        stroke: (plot, series) => used[series - 1].color,
        fill: () => property("--paper"),
      },
    },
    hooks: {
      setCursor: [(plot) => {
        if (plot.cursor.left >= 0) onMove(plot.posToVal(plot.cursor.left, "x"));
      }],
      drawAxes: [(plot) => { for (const line of used) if (line.band) drawBand(plot, line); }],
      draw: [(plot) => { for (const line of used) if (line.ring) drawRing(plot, line); }],
    },
  };
  host.replaceChildren();
  return new uPlot(options, data, host);
}

/* The first index of the shared x values at or right of the cursor. */
function indexAtCursor(plot) {
  const at = plot.posToVal(plot.cursor.left, "x"), x = plot.data[0];
  let low = 0, high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] < at - 1e-9) low = middle + 1; else high = middle;
  }
  return low;
}

/* The interval of precision at recalls in equal steps from 0 to 1. */
function drawBand(plot, line) {
  const context = plot.ctx, low = fromSteps(line.band.l), high = fromSteps(line.band.h);
  const last = low.length - 1;
  const at = (i, value) => [plot.valToPos(i / last, "x", true), plot.valToPos(value, "y", true)];
  context.save();
  context.beginPath();
  context.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
  context.clip();
  context.beginPath();
  high.forEach((value, i) => context.lineTo(...at(i, value)));
  for (let i = last; i >= 0; i--) context.lineTo(...at(i, low[i]));
  context.closePath();
  context.globalAlpha = 0.16;
  context.fillStyle = line.color;
  context.fill();
  context.restore();
}

function drawRing(plot, line) {
  const context = plot.ctx, ratio = devicePixelRatio, [x, y] = line.ring;
  context.save();
  context.strokeStyle = line.ringColor ?? line.color;
  context.lineWidth = 2 * ratio;
  context.setLineDash([]);
  context.beginPath();
  context.arc(
    plot.valToPos(x, "x", true), plot.valToPos(y, "y", true), 5 * ratio, 0, 2 * Math.PI,
  );
  context.stroke();
  context.restore();
}
