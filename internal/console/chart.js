// A small chart of the last minutes, drawn by hand.

import { clock } from './format.js';

export const WINDOW = 300_000; // ms that a chart shows
const GAP = 8_000; // ms without a reading that the line does not bridge
const [WIDTH, HEIGHT] = [300, 64]; // of the drawing; CSS stretches it

const SVG = 'http://www.w3.org/2000/svg';

// draw adds an element of SVG to another.
function draw(parent, tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent.append(element);
  return element;
}

export class Chart {
  #points = []; // {time, values: [number or null, one for each line]}
  #breaks = []; // moments at which the server began anew
  #format;
  #ceiling;
  #least;
  #svg;
  #lines;
  #areas;
  #marks;
  #cursor;
  #most;
  #read;
  #max = 1;

  // card is the element that the chart is added to; format turns a value into text,
  // ceiling a maximum into a round number that is not less. With a least value that is
  // more than zero the scale is logarithmic.
  constructor(card, { lines = 1, format, ceiling = round, least = 0 }) {
    this.#least = least;
    this.#format = format;
    this.#ceiling = ceiling;
    const figure = document.createElement('figure');
    this.#svg = draw(figure, 'svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' });
    this.#svg.setAttribute('aria-label', `${card.querySelector('h2').textContent} in the last five minutes`);
    for (const y of [0.5, HEIGHT / 2, HEIGHT - 0.5]) draw(this.#svg, 'path', { class: 'grid', d: `M0 ${y}H${WIDTH}` });
    const each = (kind) => Array.from({ length: lines }, (_, i) => draw(this.#svg, 'path', { class: `${kind} line-${i + 1}` }));
    this.#areas = each('area');
    this.#marks = draw(this.#svg, 'path', { class: 'break' });
    this.#lines = each('line');
    this.#cursor = draw(this.#svg, 'path', { class: 'cursor' });
    const label = (name, text = '') => {
      const span = Object.assign(document.createElement('span'), { className: name, textContent: text, ariaHidden: 'true' });
      figure.append(span);
      return span;
    };
    this.#most = label('most');
    this.#read = label('read');
    if (least > 0) label('least', format(least));
    const caption = document.createElement('figcaption');
    caption.ariaHidden = 'true';
    caption.append(...['5 min ago', 'now'].map((text) => Object.assign(document.createElement('span'), { textContent: text })));
    figure.append(caption);
    card.append(figure);
    this.#svg.addEventListener('pointermove', (event) => this.#point(event));
    this.#svg.addEventListener('pointerleave', () => this.#leave());
  }

  // add draws one more reading: a value for each line, null if there is none.
  add(time, values) {
    this.#points.push({ time, values });
    this.#render(time);
  }

  // restart marks that the server began anew.
  restart(time) {
    this.#breaks.push(time);
  }

  #render(now) {
    const from = now - WINDOW;
    this.#points = this.#points.filter(({ time }) => time >= from - GAP);
    this.#breaks = this.#breaks.filter((time) => time >= from);
    const x = (time) => ((time - from) / WINDOW) * WIDTH;
    this.#max = this.#ceiling(Math.max(0, ...this.#points.flatMap(({ values }) => values.filter((v) => v !== null))));
    const y = (value) => HEIGHT - 1 - this.#part(value) * (HEIGHT - 3);
    for (const [i, line] of this.#lines.entries()) {
      const runs = this.#runs(i).map((run) => run.map(({ time, value }) => `${x(time).toFixed(2)} ${y(value).toFixed(2)}`));
      line.setAttribute('d', runs.map((run) => `M${run.join('L')}${run.length === 1 ? 'h1.5' : ''}`).join(''));
      this.#areas[i].setAttribute('d', runs.map((run) =>
        `M${run[0].split(' ')[0]} ${HEIGHT}L${run.join('L')}L${run.at(-1).split(' ')[0]} ${HEIGHT}Z`).join(''));
    }
    this.#marks.setAttribute('d', this.#breaks.map((time) => `M${x(time)} 0V${HEIGHT}`).join(''));
    this.#most.textContent = this.#format(this.#max);
  }

  // part is how far up a value is, from 0 to 1.
  #part(value) {
    if (this.#least === 0) return value / this.#max;
    return Math.max(0, Math.log(value / this.#least) / Math.log(this.#max / this.#least));
  }

  // runs are the stretches of a line without a hole.
  #runs(i) {
    const runs = [];
    let last = null;
    for (const { time, values } of this.#points) {
      const value = values[i];
      if (value !== null) {
        if (last === null || time - last > GAP) runs.push([]);
        runs.at(-1).push({ time, value });
      }
      last = value === null ? null : time;
    }
    return runs;
  }

  // point tells the reading that is nearest to the pointer.
  #point(event) {
    if (this.#points.length === 0) return;
    const { left, width } = this.#svg.getBoundingClientRect();
    const now = this.#points.at(-1).time;
    const at = now - WINDOW * (1 - (event.clientX - left) / width);
    const nearest = this.#points.reduce((a, b) => (Math.abs(b.time - at) < Math.abs(a.time - at) ? b : a));
    const x = WIDTH * (1 - (now - nearest.time) / WINDOW);
    this.#cursor.setAttribute('d', `M${x} 0V${HEIGHT}`);
    const values = nearest.values.map((v) => (v === null ? '–' : this.#format(v))).join(' / ');
    this.#read.textContent = `${clock(new Date(nearest.time))}  ${values}`;
  }

  #leave() {
    this.#cursor.removeAttribute('d');
    this.#read.textContent = '';
  }
}

// roundLatency is the next power of ten, of a millisecond at least.
export const roundLatency = (max) => 10 ** Math.ceil(Math.log10(Math.max(max, 0.001)));

// roundBytes is the next power of two.
export const roundBytes = (max) => 2 ** Math.ceil(Math.log2(Math.max(max, 1)));

// round is the next number that is 1, 2 or 5 and zeros.
function round(max) {
  if (max <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(max));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= max);
}
