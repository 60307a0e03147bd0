// Figures for people. Three digits are enough to see what goes on.

const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

export const whole = (n) => plain.format(n);

// brief is a number that fits anywhere.
export const brief = (n) => (Math.abs(n) < 10_000 ? precise.format(n) : short.format(n));

export function bytes(n) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${precise.format(n)} ${units[unit]}`;
}

// latency is a short time.
export function latency(seconds) {
  if (seconds >= 1) return `${precise.format(seconds)} s`;
  if (seconds >= 0.001) return `${precise.format(seconds * 1e3)} ms`;
  return `${plain.format(seconds * 1e6)} µs`;
}

// span is a time that somebody lives through: its two largest units.
export function span(seconds) {
  const parts = [['d', 86_400], ['h', 3600], ['min', 60], ['s', 1]];
  let rest = Math.max(0, Math.floor(seconds));
  const said = [];
  for (const [unit, length] of parts) {
    const n = Math.floor(rest / length);
    rest -= n * length;
    if (n > 0 || said.length > 0) said.push(`${n} ${unit}`);
    if (said.length === 2) break;
  }
  return said.filter((part) => !part.startsWith('0 ')).join(' ') || '0 s';
}

export const clock = (date) => date.toLocaleTimeString('en-GB');

// moment is a point in time: without its day if that is today.
export function moment(date) {
  const day = date.toLocaleDateString('en-CA'); // 2026-03-01
  return day === new Date().toLocaleDateString('en-CA') ? clock(date) : `${day} ${clock(date)}`;
}
