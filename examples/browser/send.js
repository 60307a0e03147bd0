// The send form: what a backend does with POST /api, and the curl command for it.

import { copyText } from './clipboard.js';
import { CROWD } from './crowd.js';
import { curl } from './curl.js';
import { show } from './dom.js';
import { compact, mistake } from './json.js';

const TIMEOUT = 15_000; // ms for an answer

// The form's inputs by the names that the API gives to their fields.
const INPUTS = { tokens: 'send-tokens', entityType: 'send-type', event: 'send-event', data: 'send-data' };

export class SendForm {
  #names;
  #page; // tokens(): those of the open cards

  constructor(names, page) {
    this.#names = names;
    this.#page = page;
    const form = document.getElementById('send');
    form.addEventListener('input', (event) => {
      complain(fieldOf(event.target), '');
      this.render();
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    input('data').addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    const copy = document.getElementById('copy');
    copy.addEventListener('click', () => copyText(document.getElementById('curl'), copy));
  }

  // render brings up to date what follows from the input and the open cards.
  render() {
    const open = this.#page.tokens();
    input('tokens').placeholder = open.length > 0 ? `all here: ${open.join(', ')}` : 'for example 1, 2';
    complain('data', dataMistake());
    const [objection] = this.#objections();
    const command = objection ? `# ${objection.detail}` : curl(endpoint(), this.#body());
    document.getElementById('curl').textContent = command;
    document.getElementById('copy').disabled = Boolean(objection);
  }

  async #submit() {
    const objections = this.#objections();
    complainAll(objections);
    if (objections.length > 0) return;

    // Who sends under a new name wants to see it arrive here.
    this.#names.add(input('event').value);
    report('busy', 'Sending…');
    const began = performance.now();
    try {
      const answer = await post(this.#body());
      const took = Math.round(performance.now() - began);
      if (answer.ok) report('ok', ...reached(await answer.json(), took));
      else refused(answer, await problem(answer));
    } catch (error) {
      report('error', unanswered(error));
    }
  }

  #objections() {
    const tokens = this.#tokens().length > 0 ? '' : 'Name at least one token, or open a stream.';
    return [
      { field: 'tokens', detail: tokens },
      { field: 'data', detail: dataMistake() },
    ].filter(({ detail }) => detail);
  }

  #tokens() {
    const typed = input('tokens').value.split(',').map((token) => token.trim()).filter(Boolean);
    return typed.length > 0 ? [...new Set(typed)] : this.#page.tokens();
  }

  // The data goes in as typed, not parsed and printed, so that the server gets
  // the numbers that stand in the form.
  #body() {
    const fields = [
      `"tokens":${JSON.stringify(this.#tokens())}`,
      `"entityType":${JSON.stringify(input('entityType').value)}`,
    ];
    if (input('data').value.trim()) fields.push(`"data":${compact(input('data').value)}`);
    if (input('event').value) fields.push(`"event":${JSON.stringify(input('event').value)}`);
    return `{${fields.join(',')}}`;
  }
}

function input(field) {
  return document.getElementById(INPUTS[field]);
}

function fieldOf(element) {
  return Object.keys(INPUTS).find((field) => INPUTS[field] === element.id);
}

function dataMistake() {
  const text = input('data').value;
  return text.trim() ? mistake(text) : '';
}

// The address of the API beside this page, whatever the base path.
function endpoint() {
  return new URL('api', location.href).href;
}

function post(body) {
  return fetch('api', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
    signal: AbortSignal.timeout(TIMEOUT),
  });
}

// reached says in two lines what an accepted event did.
function reached({ id, streams, duplicate, results = {} }, took) {
  const each = Object.entries(results).map(([token, count]) => `${token}: ${count}`);
  const head = streams > 0
    ? `Reached ${streams} ${streams === 1 ? 'stream' : 'streams'}`
    : 'Accepted; no stream is open for it now';
  const detail = [`id ${id}`, each.length > 1 ? each.join(', ') : '', duplicate ? 'a duplicate' : '', `${took} ms`];
  return [head, detail.filter(Boolean).join(' · ')];
}

// problem reads application/problem+json, or makes one of any other error page.
async function problem(answer) {
  if (/^application\/(problem\+)?json/.test(answer.headers.get('Content-Type') ?? '')) return answer.json();
  return { title: answer.statusText };
}

function refused(answer, { title = '', detail = '', errors = [] }) {
  const base = (field) => /^\w*/.exec(field)[0]; // tokens[3] stands beside tokens
  const placed = errors.filter(({ field }) => base(field) in INPUTS);
  const rest = errors.filter(({ field }) => !(base(field) in INPUTS));
  complainAll(placed.map(({ field, detail }) => ({
    field: base(field),
    detail: field === base(field) ? detail : `${field}: ${detail}`,
  })));
  const retry = answer.headers.get('Retry-After');
  report('error', `${answer.status} ${title}`, detail, ...rest.map(({ field, detail }) => `${field}: ${detail}`),
    retry ? `Try again in ${retry} s.` : '');
}

function unanswered(error) {
  if (error.name !== 'TimeoutError') return 'The server cannot be reached.';
  return `No answer within ${TIMEOUT / 1000} s; ${CROWD}. Disconnect a stream and try again.`;
}

// complainAll shows these complaints and no others, and goes to the first.
function complainAll(complaints) {
  for (const field of Object.keys(INPUTS)) {
    complain(field, complaints.filter((one) => one.field === field).map((one) => one.detail).join(' '));
  }
  if (complaints.length > 0) input(complaints[0].field).focus();
}

function complain(field, text) {
  const element = input(field);
  show(document.getElementById(`${INPUTS[field]}-error`), text);
  if (text) element.setAttribute('aria-invalid', 'true');
  else element.removeAttribute('aria-invalid');
}

function report(status, ...lines) {
  const result = document.getElementById('send-result');
  result.dataset.status = status;
  result.replaceChildren(...lines.filter(Boolean).map((line) => {
    const paragraph = document.createElement('p');
    paragraph.textContent = line;
    return paragraph;
  }));
}
