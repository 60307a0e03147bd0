// The tokens that are online, or those of them that begin in some way.

import { get } from './api.js';
import { byId, clone, reconcile, say, show } from './dom.js';
import { whole } from './format.js';

const PAGE = 50;
const MOST = 1000; // what one call answers with
const PAUSE = 150; // ms without a key pressed before the search begins

export class Online {
  #open; // told which token was chosen
  #chosen = '';
  #limit = PAGE;
  #asked = 0; // counts the calls, so that a late answer is not taken for a new one
  #timer;

  constructor(open) {
    this.#open = open;
    byId('search-input').addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#limit = PAGE;
      this.#timer = setTimeout(() => this.refresh(), PAUSE);
    });
    byId('search').addEventListener('submit', (event) => {
      event.preventDefault();
      if (prefix()) this.#choose(prefix());
    });
    byId('online-typed').addEventListener('click', () => this.#choose(prefix()));
    byId('online-more').addEventListener('click', () => {
      this.#limit = Math.min(this.#limit + PAGE, MOST);
      this.refresh();
    });
  }

  async refresh() {
    const asked = ++this.#asked;
    try {
      const page = await get('api/streams', { prefix: prefix(), limit: this.#limit });
      if (asked === this.#asked) this.#render(page);
    } catch (error) {
      if (asked === this.#asked && error.status) show(byId('online-error'), error.message);
    }
  }

  #render({ streams, tokens, online }) {
    show(byId('online-error'), '');
    const some = online.length < tokens ? `${whole(online.length)} of ` : '';
    show(byId('online-count'), tokens > 0 ? `${some}${whole(tokens)} ${tokens === 1 ? 'token' : 'tokens'}, ${whole(streams)} ${streams === 1 ? 'stream' : 'streams'}` : '');
    show(byId('online-empty'), tokens > 0 ? '' : prefix() ? 'Nobody online begins so.' : 'Nobody is online.');
    byId('online-more').hidden = online.length >= tokens || this.#limit >= MOST;
    const typed = prefix() && online.every(({ token }) => token !== prefix());
    show(byId('online-typed'), typed ? `Open “${prefix()}”, which is away` : '');
    reconcile(byId('online-list'), online, {
      key: ({ token }) => token,
      create: ({ token }) => {
        const item = clone('online-item');
        item.querySelector('button').addEventListener('click', () => this.#choose(token));
        return item;
      },
      update: (item, { token, streams }) => {
        say(item.querySelector('.name'), token);
        say(item.querySelector('.count'), whole(streams));
        mark(item, token === this.#chosen);
      },
    });
  }

  #choose(token) {
    this.#chosen = token;
    for (const item of byId('online-list').children) mark(item, item.dataset.key === token);
    this.#open(token);
  }
}

const prefix = () => byId('search-input').value;

function mark(item, chosen) {
  if (chosen) item.firstElementChild.setAttribute('aria-current', 'true');
  else item.firstElementChild.removeAttribute('aria-current');
}
