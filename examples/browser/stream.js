// A stream that stays open.
//
// EventSource reconnects by itself after a lost connection, but it has two
// blind spots: it gives up for ever on any answer but 200 (a proxy's 502 during
// a deploy too), and it cannot notice a connection that died without a sound.
// Stream fills both: it asks for visible pings (control=1), re-creates the
// EventSource when it gave up or fell silent, and passes on the last id that it
// saw, so that the server replays what came in between.

import { CROWD } from './crowd.js';

const SILENCE = 45_000; // ms without anything heard: three heartbeats
const PATIENCE = 5_000; // ms before a connection attempt counts as slow

// What every stream listens to, whatever names the page knows.
const OWN = ['open', 'error', 'message', 'notifier-ready', 'notifier-ping', 'notifier-close', 'notifier-gap'];

// Answers after which trying again cannot help.
const REFUSALS = new Map([
  [204, 'the server asked this client to stop'],
  [400, 'the server does not accept this token'],
  [401, 'the server does not know this token'],
  [403, 'this token may not listen here'],
]);

// Reasons of notifier-close; after the final ones a reconnect is not wanted.
const CLOSING = {
  drain: 'the server is shutting down',
  lifetime: 'the stream reached its age limit',
  slow: 'this page read too slowly',
};
const FINAL = {
  revoked: 'the streams of this token were revoked',
  expired: 'the credential has expired',
};

export class Stream {
  #token;
  #names; // event names to listen to, read on every connection
  #listener; // told what happens: changed, ready, received, gap, pinged
  #after; // id to resume after; '' until the server gave one
  #source = null; // null while closed
  #attempt = 0; // failed attempts since something was last heard
  #heard = 0; // when something last happened on the wire
  #closing = ''; // why the server said it will close
  #gap = ''; // the gap this connection began with
  #retry; // timer of the next attempt, when it is ours to make

  state = 'closed'; // connecting | open | reconnecting | closed

  constructor(token, names, after, listener) {
    this.#token = token;
    this.#names = names;
    this.#after = after;
    this.#listener = listener;
  }

  connect() {
    this.#attempt = 0;
    this.#set('connecting');
    this.#open();
  }

  disconnect(reason = '') {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
    this.#set('closed', reason);
  }

  // listen starts to receive one more event name, without a reconnect.
  listen(name) {
    this.#source?.addEventListener(name, this);
  }

  ignore(name) {
    if (!OWN.includes(name)) this.#source?.removeEventListener(name, this);
  }

  // check is the watchdog; call it every few seconds.
  check() {
    if (this.state === 'closed') return;
    const silent = Date.now() - this.#heard;
    if (silent > SILENCE) {
      this.#attempt++;
      this.#set('reconnecting', `nothing heard for ${SILENCE / 1000} s`);
      this.#open();
    } else if (this.state === 'connecting' && silent > PATIENCE) {
      this.#set('connecting', `no answer yet; ${CROWD}`);
    }
  }

  // wake is for moments when a page may have been frozen or offline: whatever
  // was scheduled happens now. A page back from the browser's page cache
  // cannot trust a source that looks open, hence suspect.
  wake(suspect = false) {
    if (this.state === 'reconnecting' || (suspect && this.state !== 'closed')) this.#open();
    else this.check();
  }

  #open() {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#heard = Date.now();
    this.#source = new EventSource(this.#url());
    // One object listens to everything: adding it twice for a name is harmless.
    for (const name of [...OWN, ...this.#names]) {
      this.#source.addEventListener(name, this);
    }
  }

  #url() {
    const query = new URLSearchParams({ token: this.#token, control: '1' });
    if (this.#after) query.set('lastEventId', this.#after);
    return `events?${query}`;
  }

  // handleEvent tells the browser's own open and error from published events
  // that happen to have these names: only the latter are MessageEvents.
  handleEvent(event) {
    this.#heard = Date.now();
    if (event instanceof MessageEvent) this.#message(event);
    else if (event.type === 'open') this.#opened();
    else this.#lost();
  }

  #message(event) {
    this.#attempt = 0;
    this.#after = event.lastEventId || this.#after;
    switch (event.type) {
      case 'notifier-ready':
        this.#listener.ready(this.#after);
        this.#set('open', this.#gap || (fields(event).resumed ? 'resumed' : ''));
        break;
      case 'notifier-gap':
        this.#gap = `resumed after a gap (${fields(event).reason})`;
        this.#set('open', this.#gap);
        this.#listener.gap(fields(event).reason);
        break;
      case 'notifier-close':
        this.#close(fields(event).reason);
        break;
      case 'notifier-ping':
        this.#listener.pinged();
        break;
      default:
        this.#listener.received(event);
    }
  }

  #opened() {
    this.#closing = '';
    this.#gap = '';
    this.#set('open');
  }

  #close(reason) {
    if (FINAL[reason]) this.disconnect(FINAL[reason]);
    else this.#closing = CLOSING[reason] ?? `the server closed it (${reason})`;
  }

  async #lost() {
    const source = this.#source;
    this.#attempt++;
    this.#set('reconnecting', this.#closing || 'connection lost');
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again

    // EventSource keeps the status to itself; HEAD on the same address tells it.
    const status = await statusOf(source.url);
    if (source !== this.#source) return; // opened anew or disconnected meanwhile
    if (REFUSALS.has(status)) {
      this.disconnect(REFUSALS.get(status));
      return;
    }
    if (status !== 200) this.#set('reconnecting', obstacle(status));
    this.#retry = setTimeout(() => this.#open(), backoff(this.#attempt));
  }

  #set(state, reason = '') {
    this.state = state;
    this.#listener.changed(state, this.#attempt, reason);
  }
}

async function statusOf(url) {
  try {
    const answer = await fetch(url, { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(5_000) });
    return answer.status;
  } catch {
    return 0;
  }
}

function obstacle(status) {
  if (status === 0) return 'the server cannot be reached';
  if (status === 429) return 'too many streams are open for this token';
  return `the server answered ${status}`;
}

// backoff doubles from one second to half a minute; the random half keeps many
// pages from coming back in the same instant.
function backoff(attempt) {
  return Math.min(30_000, 500 * 2 ** attempt) * (0.5 + Math.random() / 2);
}

// fields reads the data of a control event.
function fields(event) {
  try {
    return JSON.parse(event.data) ?? {};
  } catch {
    return {};
  }
}
