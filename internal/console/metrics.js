// The server's metrics, in the text format of Prometheus, and what two readings of
// them tell: how often something happens, and how long it takes.

// A Reading is what /metrics said at a moment.
export class Reading {
  #series = new Map(); // by name: values by the label that tells them apart

  constructor(text, time) {
    this.time = time; // ms
    for (const line of text.split('\n')) {
      const found = /^([a-z_]\w*)(?:\{(.*)\})? (\S+)/i.exec(line);
      if (!found) continue; // a comment
      const [, name, labels = '', value] = found;
      if (!this.#series.has(name)) this.#series.set(name, new Map());
      this.#series.get(name).set(labels, Number(value.replace('Inf', 'Infinity')));
    }
  }

  // value is that of a metric without labels; undefined if there is none.
  value(name) {
    return this.#series.get(name)?.get('');
  }

  // by is a metric's values, by the label of that name.
  by(name, label) {
    const values = new Map();
    for (const [labels, value] of this.#series.get(name) ?? []) {
      const found = new RegExp(`(?:^|,)${label}="((?:[^"\\\\]|\\\\.)*)"`).exec(labels);
      if (found) values.set(found[1], value);
    }
    return values;
  }

  // buckets are a histogram's: how many values are not above each bound.
  buckets(name) {
    return [...this.by(`${name}_bucket`, 'le')].map(([bound, count]) => [Number(bound.replace('Inf', 'Infinity')), count]);
  }
}

// isSuccessor tells whether a reading is of the same process as one before: if not,
// all counters began anew.
export function isSuccessor(before, now) {
  const started = 'process_start_time_seconds';
  const opened = 'notifier_streams_opened_total';
  return before.value(started) === now.value(started) && before.value(opened) <= now.value(opened);
}

// rate is by how much a counter grew a second; pick reads it.
export function rate(before, now, pick) {
  return (pick(now) - pick(before)) / ((now.time - before.time) / 1000);
}

// quantile is the value that a part q of the values between two readings of a
// histogram does not exceed, as exactly as its buckets tell; null if there were none.
export function quantile(q, before, now, name) {
  const earlier = new Map(before.buckets(name));
  const counts = now.buckets(name).map(([bound, count]) => [bound, count - (earlier.get(bound) ?? 0)]);
  counts.sort(([a], [b]) => a - b);
  const all = counts.at(-1)?.[1] ?? 0;
  if (all === 0) return null;
  let [low, below] = [0, 0];
  for (const [bound, count] of counts) {
    if (count >= q * all) {
      if (bound === Infinity) return low;
      return low + (bound - low) * ((q * all - below) / (count - below));
    }
    [low, below] = [bound, count];
  }
  return low;
}
