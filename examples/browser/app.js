// The page: which streams are open, what the address and the title say about
// them, and the moments at which streams have to look after themselves.
//
// Tokens and added event names stand in the fragment of the address, as in
// #token=1&token=2&event=deploy: a reload keeps them, a link opens them, and
// browsers never send a fragment to a server.

import { Card } from './card.js';
import { show } from './dom.js';
import { Names } from './names.js';
import { SendForm } from './send.js';

const CHECK = 5_000; // ms between two looks of the watchdog

class Page {
  #cards = [];
  #names;
  #send;
  #focused = document.hasFocus();

  constructor() {
    const address = new URLSearchParams(location.hash.slice(1));
    this.#names = new Names(address.getAll('event'), this);
    this.#send = new SendForm(this.#names, this);
    this.#listenToForm();
    this.#listenToJump();
    this.#listenToWindow();
    for (const token of new Set(address.getAll('token'))) this.#open(token);
    this.#cardsChanged();
  }

  #listenToForm() {
    const form = document.getElementById('open');
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const token = form.elements.token.value.trim();
      const error = objection(token);
      show(document.getElementById('token-error'), error);
      form.elements.token.toggleAttribute('aria-invalid', error !== '');
      if (error) return;
      form.reset();
      this.#open(token);
      this.#cardsChanged();
    });
  }

  // A link would do, but the fragment of the address is taken.
  #listenToJump() {
    document.getElementById('to-send').addEventListener('click', () => {
      document.getElementById('send-title').scrollIntoView();
      document.getElementById('send-tokens').focus({ preventScroll: true });
    });
  }

  #listenToWindow() {
    addEventListener('hashchange', () => location.reload());
    addEventListener('focus', () => this.#focus(true));
    addEventListener('blur', () => this.#focus(false));
    document.addEventListener('visibilitychange', () => {
      this.#focus(document.hasFocus());
      if (document.visibilityState === 'visible') this.#each((card) => card.wake());
    });
    addEventListener('pageshow', (event) => event.persisted && this.#each((card) => card.wake(true)));
    addEventListener('online', () => this.#each((card) => card.wake()));
    setInterval(() => this.#each((card) => card.check()), CHECK);
  }

  #open(token) {
    const known = this.#cards.find((card) => card.token === token);
    if (known) {
      known.element.scrollIntoView({ block: 'nearest' });
      known.element.querySelector('.log').focus();
      return;
    }
    const card = new Card(token, this.#names, this);
    this.#cards.push(card);
    document.getElementById('streams').append(card.element);
    card.connect();
  }

  #cardsChanged() {
    document.getElementById('empty').hidden = this.#cards.length > 0;
    this.#send.render();
    this.#saveAddress();
    this.unreadChanged();
  }

  #saveAddress() {
    const address = new URLSearchParams();
    for (const card of this.#cards) address.append('token', card.token);
    for (const name of this.#names.added) address.append('event', name);
    history.replaceState(null, '', `#${address}`);
  }

  #focus(focused) {
    this.#focused = focused;
    this.#each((card) => card.lookedAt());
  }

  #each(act) {
    this.#cards.forEach(act);
  }

  // What the cards and forms ask and tell.

  tokens() {
    return this.#cards.map((card) => card.token);
  }

  attentive() {
    return this.#focused && document.visibilityState === 'visible';
  }

  // Over HTTP/1.1 a sixth stream would take the last connection that the
  // browser grants, and the next request of any kind would hang.
  mayConnect() {
    const protocol = performance.getEntriesByType('navigation')[0]?.nextHopProtocol;
    const limit = /^h[23]/.test(protocol) ? Infinity : 5;
    return this.#cards.filter((card) => card.active).length < limit;
  }

  removed(card) {
    card.remove();
    this.#cards = this.#cards.filter((other) => other !== card);
    this.#cardsChanged();
    document.getElementById('token').focus();
  }

  unreadChanged() {
    const unread = this.#cards.reduce((sum, card) => sum + card.unread, 0);
    document.title = unread > 0 ? `(${unread}) notifier` : 'notifier';
  }

  nameAdded(name) {
    this.#each((card) => card.listen(name));
    this.#saveAddress();
  }

  nameRemoved(name) {
    this.#each((card) => card.ignore(name));
    this.#saveAddress();
  }
}

// objection says what is wrong with a token, or ''.
function objection(token) {
  if (token === '') return 'Enter a token first.';
  if (/\p{Cc}/u.test(token)) return 'A token has no control characters.';
  if (new TextEncoder().encode(token).length > 256) return 'A token has at most 256 bytes.';
  return '';
}

new Page();
