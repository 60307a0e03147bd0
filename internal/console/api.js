// Requests to the server that the page is from.

const TIMEOUT = 8_000; // ms for an answer

let key = ''; // of a server that asks for one here
let asked = () => {};

// onKeyAsked has f called when the server wants a key, or another one.
export function onKeyAsked(f) {
  asked = f;
}

export function useKey(text) {
  key = text;
}

// A Refusal is an answer that is none of success.
export class Refusal extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

async function request(path, options = {}) {
  let answer;
  try {
    const headers = { ...options.headers, ...(key && { 'X-API-Key': key }) };
    answer = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT), ...options, headers });
  } catch (error) {
    const why = error.name === 'TimeoutError' ? `did not answer within ${TIMEOUT / 1000} s` : 'cannot be reached';
    throw new Refusal(0, `The server ${why}.`);
  }
  if (answer.ok) return answer;
  if (answer.status === 401) asked();
  throw new Refusal(answer.status, await reason(answer));
}

// reason is what a problem (RFC 9457) says, or a plain text.
async function reason(answer) {
  const text = await answer.text();
  const type = answer.headers.get('Content-Type') ?? '';
  if (type.startsWith('text/plain')) return text.trim();
  try {
    const { title, detail } = JSON.parse(text);
    return `${title}: ${detail}`;
  } catch {
    return `The server answered ${answer.status}.`;
  }
}

const target = (path, query) => (query ? `${path}?${new URLSearchParams(query)}` : path);

export async function get(path, query) {
  return JSON.parse(await (await request(target(path, query))).text(), exactly);
}

// exactly keeps a number that JavaScript cannot hold as it was written, where the
// browser can.
function exactly(_, value, context) {
  const changed = typeof value === 'number' && context?.source && context.source !== String(value);
  return changed && JSON.rawJSON ? JSON.rawJSON(context.source) : value;
}

export const getText = async (path) => (await request(path)).text();
export const remove = async (path, query) => (await request(target(path, query), { method: 'DELETE' })).json();

// post sends JSON, which body is the text of.
export async function post(path, body) {
  return (await request(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })).json();
}
