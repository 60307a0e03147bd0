// A card: one stream with its state, its notifications and what is unread.

import { CROWD } from './crowd.js';
import { clock, clone, show, stamp } from './dom.js';
import { parse, pretty } from './json.js';
import * as position from './position.js';
import { Stream } from './stream.js';

const KEEP = 200; // entries in a card, newest first
const HUES = 8; // colours of entity types in style.css

const GAPS = {
  expired: 'Some of what was missed is older than what the server keeps. Everything that it still has follows.',
  unknown: 'The server does not know the last event seen here, as after it lost its journal. Something may be missing.',
};

export class Card {
  #page; // mayConnect(), attentive(), unreadChanged(), removed(card)
  #stream;
  #start; // id before the oldest notification; '' until known
  #sight; // watches whether the head of the card is on screen
  #inView = false;

  unread = 0;

  constructor(token, names, page) {
    this.token = token;
    this.#page = page;
    this.#start = position.load(token);
    this.element = this.#build();
    this.#stream = new Stream(token, names, this.#start, this);
  }

  #build() {
    const card = clone('card');
    card.dataset.token = this.token;
    card.querySelector('.token').textContent = this.token;
    card.querySelector('h3').title = this.token;
    card.querySelector('.log').setAttribute('aria-label', `Notifications for ${this.token}`);
    card.querySelector('.remove').setAttribute('aria-label', `Remove ${this.token}`);
    card.querySelector('.read').addEventListener('click', () => this.markRead());
    card.querySelector('.toggle').addEventListener('click', () => (this.active ? this.disconnect() : this.connect()));
    card.querySelector('.remove').addEventListener('click', () => this.#page.removed(this));
    // Newest first: while the head is in view, so is what arrives.
    this.#sight = new IntersectionObserver((entries) => {
      this.#inView = entries.at(-1).isIntersecting;
      this.lookedAt();
    });
    this.#sight.observe(card.querySelector('header'));
    return card;
  }

  get active() {
    return this.#stream.state !== 'closed';
  }

  connect() {
    if (this.#page.mayConnect()) this.#stream.connect();
    else this.#stream.disconnect(`${CROWD}; disconnect another stream first`);
  }

  disconnect() {
    this.#stream.disconnect();
  }

  remove() {
    this.#stream.disconnect();
    this.#sight.disconnect();
    this.element.remove();
    position.forget(this.token);
  }

  listen(name) {
    this.#stream.listen(name);
  }

  ignore(name) {
    this.#stream.ignore(name);
  }

  check() {
    this.#stream.check();
  }

  wake(suspect) {
    this.#stream.wake(suspect);
  }

  // lookedAt clears what is unread if somebody sees the card now.
  lookedAt() {
    if (this.unread > 0 && this.#seen()) this.markRead();
  }

  markRead() {
    this.#count(0);
    for (const entry of this.element.querySelectorAll('[data-unread]')) delete entry.dataset.unread;
  }

  // What the stream tells.

  changed(state, attempt, reason) {
    const name = state === 'reconnecting' ? `reconnecting, attempt ${attempt}` : state;
    this.element.dataset.state = state;
    this.#text('.state', reason ? `${name}: ${reason}` : name);
    this.#text('.toggle', state === 'closed' ? 'Connect' : 'Disconnect');
  }

  ready(id) {
    if (!this.#start) this.#startAt(id);
  }

  pinged() {
    show(this.element.querySelector('.pulse'), `heartbeat ${clock(new Date())}`);
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    this.element.querySelector('.dot').animate([{ scale: 1 }, { scale: 1.9 }, { scale: 1 }], 500);
  }

  gap(reason) {
    const entry = clone('gap');
    stamp(entry.querySelector('time'));
    entry.querySelector('.why').textContent = GAPS[reason] ?? `Something may be missing (${reason}).`;
    this.#add(entry);
  }

  received(event) {
    const entry = notification(event);
    if (!this.#seen()) {
      entry.dataset.unread = '';
      this.#count(this.unread + 1);
    }
    this.#add(entry);
  }

  #add(entry) {
    const list = this.element.querySelector('.list');
    this.element.querySelector('.waiting').hidden = true;
    list.prepend(entry);
    if (list.childElementCount <= KEEP) return;
    const oldest = list.lastElementChild;
    if (oldest.dataset.id) this.#startAt(oldest.dataset.id);
    oldest.remove();
  }

  #startAt(id) {
    this.#start = id;
    position.save(this.token, id);
  }

  #seen() {
    return this.#inView && this.#page.attentive();
  }

  #count(unread) {
    this.unread = unread;
    this.#text('.count', unread);
    this.element.querySelector('.badge').hidden = unread === 0;
    this.element.querySelector('.read').hidden = unread === 0;
    this.#page.unreadChanged();
  }

  // Live regions speak on every write, so only changes are written.
  #text(selector, text) {
    const element = this.element.querySelector(selector);
    if (element.textContent !== String(text)) element.textContent = text;
  }
}

function notification(event) {
  const entry = clone('notification');
  const { entityType, data } = envelope(event.data);
  entry.dataset.id = event.lastEventId;
  entry.dataset.hue = hue(entityType);
  entry.querySelector('.type').textContent = entityType || 'no type';
  show(entry.querySelector('.event'), event.type === 'message' ? '' : event.type);
  stamp(entry.querySelector('time'));
  entry.querySelector('.data').append(pretty(data));
  show(entry.querySelector('.id'), event.lastEventId);
  return entry;
}

// envelope reads {"entityType": …, "data": …}; anything else is shown whole.
function envelope(text) {
  try {
    const { entityType, data } = parse(text);
    if (typeof entityType === 'string' && data !== undefined) return { entityType, data };
  } catch {
    // not JSON: shown as it is
  }
  return { entityType: '', data: text };
}

function hue(text) {
  let sum = 0;
  for (const char of text) sum = (sum * 31 + char.codePointAt(0)) % 65_521;
  return sum % HUES;
}
