// What is kept for a token: read once from the beginning, and then only what is new.

import { get } from './api.js';
import { byId, clone, reconcile, say, show } from './dom.js';
import { moment, whole } from './format.js';

const PAGE = 200; // events a call
const PAGES = 10; // calls in a row: more are left to the next refresh
const SHOWN = 50; // the newest
const LENGTH = 2000; // characters of an event's data that are shown

export class KeptEvents {
  #token;
  #after = ''; // position of the next page
  #count = 0;
  #newest = []; // at most SHOWN, the newest first
  #busy = false;
  static #current; // whose events are on the page

  constructor(token) {
    this.#token = token;
    KeptEvents.#current = this;
    this.#render();
  }

  async refresh() {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let i = 0; i < PAGES && (await this.#page()); i++);
      if (this === KeptEvents.#current) this.#render();
    } catch (error) {
      if (this === KeptEvents.#current && error.status) show(byId('events-error'), error.message);
    } finally {
      this.#busy = false;
    }
  }

  // #page reads a page, and tells whether there are more.
  async #page() {
    const { events, gap, next, more } = await get('api/events', { token: this.#token, limit: PAGE, ...(this.#after && { after: this.#after }) });
    if (gap) [this.#count, this.#newest] = [0, []]; // what is kept now is what follows
    this.#after = next;
    this.#count += events.length;
    this.#newest = [...events.reverse(), ...this.#newest].slice(0, SHOWN);
    return more && this === KeptEvents.#current;
  }

  #render() {
    show(byId('events-error'), '');
    byId('events').hidden = this.#count === 0;
    byId('events-empty').hidden = this.#count > 0;
    say(byId('events-count'), this.#count > SHOWN ? `${whole(this.#count)}, the last ${SHOWN} of them here` : whole(this.#count));
    reconcile(byId('events'), this.#newest, {
      key: ({ id }) => id,
      create: (event) => fill(clone('event-item'), event),
      update() {}, // an event does not change
    });
  }
}

function fill(item, { id, time, event = '', entityType, data }) {
  const text = JSON.stringify(data);
  say(item.querySelector('time'), moment(new Date(time)));
  item.querySelector('time').dateTime = time;
  show(item.querySelector('.name'), event);
  show(item.querySelector('.type'), entityType);
  say(item.querySelector('.id'), id);
  say(item.querySelector('pre'), text.length > LENGTH ? `${text.slice(0, LENGTH)}…` : text);
  return item;
}
