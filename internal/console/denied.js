// Who gets no stream for now.

import { get, remove } from './api.js';
import { byId, clone, reconcile, say, show } from './dom.js';
import { moment, whole } from './format.js';

export class Denied {
  async refresh() {
    try {
      const { total, denied } = await get('api/deny');
      show(byId('denied-error'), '');
      this.#render(total, denied);
    } catch (error) {
      if (error.status) show(byId('denied-error'), error.message);
    }
  }

  #render(total, denied) {
    const some = denied.length < total ? `${denied.length} of ` : '';
    say(byId('denied-count'), total > 0 ? `${some}${whole(total)}` : '');
    byId('denied-empty').hidden = total > 0;
    reconcile(byId('denied'), denied, {
      key: ({ token, jwt }) => (token ? `token ${token}` : `jwt ${jwt}`),
      create: (subject) => {
        const item = clone('denied-item');
        const name = subject.token ?? `JWT ${subject.jwt}`;
        say(item.querySelector('.name'), name);
        item.querySelector('button').setAttribute('aria-label', `Let ${name} in again`);
        item.querySelector('button').addEventListener('click', () => this.#lift(subject));
        return item;
      },
      update(item, { until }) {
        say(item.querySelector('small'), `until ${moment(new Date(until))}`);
      },
    });
  }

  async #lift({ token, jwt }) {
    try {
      await remove('api/deny', token ? { token } : { jwt });
      await this.refresh();
    } catch (error) {
      show(byId('denied-error'), error.message);
    }
  }
}
