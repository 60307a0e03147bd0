// The event names that the page listens to. EventSource knows no "any name",
// so there is a list: some usual ones, and what the user adds.

import { clone } from './dom.js';

const USUAL = ['like', 'comment', 'follow', 'new_user', 'user_left'];

export class Names {
  #page; // nameAdded(name), nameRemoved(name)

  added = []; // beyond the usual ones

  constructor(added, page) {
    this.#page = page;
    this.added = [...new Set(added)].filter((name) => this.#isNew(name));
    const form = document.getElementById('add-name');
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.add(form.elements.name.value.trim());
      form.reset();
    });
    this.#render();
  }

  *[Symbol.iterator]() {
    yield* USUAL;
    yield* this.added;
  }

  add(name) {
    if (!this.#isNew(name)) return;
    this.added.push(name);
    this.#render();
    this.#page.nameAdded(name);
  }

  // Names that begin with notifier- are the server's; streams know them.
  #isNew(name) {
    return name !== '' && !name.startsWith('notifier-') && ![...this].includes(name);
  }

  #remove(name) {
    this.added = this.added.filter((other) => other !== name);
    this.#render();
    this.#page.nameRemoved(name);
  }

  #render() {
    const usual = USUAL.map((name) => chip(name));
    const added = this.added.map((name) => chip(name, () => this.#remove(name)));
    document.getElementById('names').replaceChildren(...usual, ...added);
    document.getElementById('names-list').textContent = [...this].join(', ');
    document.getElementById('names-known').replaceChildren(...[...this].map((name) => new Option('', name)));
  }
}

function chip(name, remove) {
  const item = clone('name-chip');
  item.querySelector('.name').textContent = name;
  const button = item.querySelector('button');
  button.hidden = !remove;
  button.setAttribute('aria-label', `Stop listening to ${name}`);
  if (remove) button.addEventListener('click', remove);
  return item;
}
