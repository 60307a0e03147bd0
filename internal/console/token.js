// One token: its open streams, what is kept for it, and ending either.

import { get, post, remove } from './api.js';
import { byId, clone, reconcile, say, show } from './dom.js';
import { KeptEvents } from './events.js';
import { brief, bytes, moment, span, whole } from './format.js';
import { areYouSure } from './sure.js';

export class Token {
  #name = ''; // '' if none is chosen
  #events = null;
  #changed; // told that something was ended or denied

  constructor(changed) {
    this.#changed = changed;
    byId('token-close').addEventListener('click', () => this.#closeAll());
    byId('token-deny').addEventListener('click', () => this.#deny());
    byId('token-forget').addEventListener('click', () => this.#forget());
  }

  open(name) {
    this.#name = name;
    this.#events = new KeptEvents(name);
    say(byId('token-title'), name);
    byId('token').dataset.token = name;
    byId('token-empty').hidden = true;
    byId('token-body').hidden = false;
    report('');
    byId('streams').tBodies[0].replaceChildren();
    if (matchMedia('(max-width: 60rem)').matches) byId('token').scrollIntoView();
    this.refresh();
  }

  async refresh() {
    if (this.#name) await Promise.all([this.#streams(), this.#events.refresh()]);
  }

  async #streams() {
    const name = this.#name;
    try {
      const answer = await get('api/streams', { token: name, details: 1 });
      if (name === this.#name) this.#render(answer);
    } catch (error) {
      if (name === this.#name && error.status) show(byId('streams-error'), error.message);
    }
  }

  #render({ streams, details }) {
    show(byId('streams-error'), '');
    byId('streams').hidden = streams === 0;
    byId('streams-empty').hidden = streams > 0;
    byId('token-close').disabled = streams === 0;
    say(byId('streams-count'), details.length < streams ? `${details.length} of ${whole(streams)}` : whole(streams));
    reconcile(byId('streams').tBodies[0], details, {
      key: ({ id }) => id,
      create: ({ id, address }) => {
        const row = clone('stream-row');
        const button = row.querySelector('button');
        button.setAttribute('aria-label', `End the stream of ${address}`);
        button.addEventListener('click', () => this.#close(id, address));
        return row;
      },
      update(row, stream) {
        const fields = {
          ...stream,
          age: span(stream.age),
          waiting: whole(stream.waiting),
          events: whole(stream.events),
          bytes: bytes(stream.bytes),
        };
        for (const name of ['address', 'age', 'state', 'position', 'waiting', 'events', 'bytes']) {
          say(row.querySelector(`.${name}`), fields[name]);
        }
        row.querySelector('.state').dataset.state = stream.state;
      },
    });
  }

  // #act does something to the token and says what became of it.
  async #act(what) {
    const name = this.#name;
    let said;
    try {
      said = [await what(name)];
    } catch (error) {
      said = [error.message, 'error'];
    }
    if (name === this.#name) report(...said);
    this.#changed();
  }

  #close(stream, address) {
    return this.#act(async (token) => {
      const { closed } = await remove('api/streams', { token, stream });
      return closed ? `The stream of ${address} was ended.` : 'It had ended already.';
    });
  }

  async #closeAll() {
    const sure = await areYouSure({ title: 'End all streams?', text: `Clients of “${this.#name}” may come back at once, unless their credential is refused.`, yes: 'End them' });
    if (!sure) return;
    await this.#act(async (token) => `${brief((await remove('api/streams', { token })).closed)} ended.`);
  }

  async #deny() {
    const sure = await areYouSure({ title: 'Deny this token?', text: `“${this.#name}” gets no stream, whatever credential it has; those that are open end.`, yes: 'Deny it', choice: true });
    if (!sure) return;
    await this.#act(async (token) => {
      const { until, closed } = await post('api/deny', JSON.stringify({ token, until: sure }));
      return `Denied until ${moment(new Date(until))}; ${brief(closed)} ended.`;
    });
  }

  async #forget() {
    const sure = await areYouSure({ title: 'Forget its events?', text: `What is kept for “${this.#name}” cannot be replayed any more, by nobody. Events for all stay.`, yes: 'Forget them' });
    if (!sure) return;
    await this.#act(async (token) => {
      const { forgotten } = await remove('api/events', { token });
      this.#events = new KeptEvents(token);
      return `${brief(forgotten)} forgotten.`;
    });
  }
}

function report(text, status = 'ok') {
  say(byId('token-result'), text);
  byId('token-result').dataset.status = status;
}
