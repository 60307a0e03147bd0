// JSON as people type it and as they like to read it.

// What people get wrong, looked for outside of strings.
const MISTAKES = [
  [/[“”„‟«»‘’]/, 'These are typographic quotes. JSON wants the plain double quote ".'],
  [/'/, 'JSON wants double quotes around text and keys, not single ones.'],
  [/\/\/|\/\*/, 'JSON has no comments.'],
  [/,\s*[}\]]/, 'There is a comma too many before } or ].'],
  [/[{,]\s*[A-Za-z_$][\w$]*\s*:/, 'Keys need double quotes, as in {"by": 1}.'],
  [/^(?:[^"]|"")*"(?!")/, 'A double quote is missing at the end of a text.'],
  [/^\s*[A-Za-z_]/, 'Text needs double quotes, as in "hello".'],
];

// mistake says in one sentence what is wrong with text as JSON, or ''.
export function mistake(text) {
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    const bare = text.replace(/"(?:[^"\\\n]|\\.)*"/g, '""');
    const known = MISTAKES.find(([pattern]) => pattern.test(bare));
    const place = /line (\d+) column (\d+)/.exec(error.message);
    const where = place ? `Line ${place[1]}, column ${place[2]}: ` : '';
    return where + (known?.[1] ?? unclosed(bare) ?? engineSays(error));
  }
}

function unclosed(bare) {
  for (const [open, close] of ['{}', '[]']) {
    const missing = bare.split(open).length - bare.split(close).length;
    if (missing > 0) return `A closing ${close} is missing.`;
    if (missing < 0) return `There is a ${close} too many.`;
  }
}

// engineSays is the engine's own message without the place.
function engineSays({ message }) {
  return `${message.replace(/^JSON\.parse: /, '').replace(/ (in JSON )?at (position|line) .*$/, '')}.`;
}

// compact removes white space outside of strings and nothing else: numbers and
// the order of keys stay as typed, which parsing and printing would not promise.
export function compact(text) {
  return text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, '$1');
}

// parse keeps numbers as they were written where the engine can, because
// 12345678901234567890 is not a number that JavaScript can hold.
export function parse(text) {
  if (!JSON.rawJSON) return JSON.parse(text);
  return JSON.parse(text, (_, value, { source }) => (typeof value === 'number' ? JSON.rawJSON(source) : value));
}

const LONGEST = 20_000; // characters of one value that are shown
const LINE = 60; // characters of a value that stays on one line
const PARTS = /("(?:[^"\\]|\\.)*":)|("(?:[^"\\]|\\.)*")|(-?\d[\d.eE+-]*|true|false|null)/g;
const CLASSES = ['key', 'text', 'atom'];

// pretty returns a value as indented, coloured nodes. Every piece goes in as
// text, whatever it contains.
export function pretty(value) {
  const all = lay(value);
  const text = all.slice(0, LONGEST);
  const out = document.createDocumentFragment();
  let end = 0;
  for (const match of text.matchAll(PARTS)) {
    const span = document.createElement('span');
    span.className = CLASSES[match.slice(1).findIndex((group) => group !== undefined)];
    span.textContent = match[0];
    out.append(text.slice(end, match.index), span);
    end = match.index + match[0].length;
  }
  out.append(text.slice(end));
  if (all.length > LONGEST) out.append(`\n… and ${all.length - LONGEST} more characters`);
  return out;
}

function lay(value) {
  const line = JSON.stringify(value, null, 1).replace(/\n\s*/g, ' ');
  return line.length <= LINE ? line : JSON.stringify(value, null, 2);
}
