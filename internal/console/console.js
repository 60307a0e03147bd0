// The page as a whole: reads what the server does every two seconds, and says whether
// it answers.

import { getText, onKeyAsked, useKey } from './api.js';
import { Denied } from './denied.js';
import { byId, say } from './dom.js';
import { clock } from './format.js';
import { Reading } from './metrics.js';
import { Online } from './online.js';
import { Overview } from './overview.js';
import { SendForm } from './send.js';
import { Token } from './token.js';

const EVERY = 2_000; // ms
const LISTS = 3; // lists are read every so many times: the server looks at every token

const overview = new Overview();
const denied = new Denied();
const token = new Token(refresh);
const send = new SendForm(() => token.refresh());
const online = new Online((name) => {
  token.open(name);
  send.address(name);
});

let lost = null; // since when the server has not answered
let restarted = null; // when it was seen to have begun anew

function refresh() {
  return Promise.all([online.refresh(), token.refresh(), denied.refresh()]);
}

// look reads everything once. What nobody looks at is not read, but for the charts,
// which would have holes.
async function look(turn) {
  try {
    const reading = new Reading(await getText('metrics'), Date.now());
    const again = lost !== null;
    if (overview.add(reading)) restarted = new Date();
    lost = null;
    await tellState(reading);
    if (document.hidden) return;
    if (again || turn % LISTS === 0) await refresh();
    else await token.refresh();
  } catch (error) {
    lost ??= new Date();
    state('lost', `${error.message.replace(/\.$/, '')} since ${clock(lost)}; trying again`);
  }
}

async function tellState(reading) {
  if (reading.value('notifier_ready') === 1) {
    state('ready', restarted ? `Ready; restarted at ${clock(restarted)}` : 'Ready');
    return;
  }
  let why = 'not ready';
  try {
    await getText('readyz');
  } catch (error) {
    why = error.message;
  }
  state('unready', why);
}

function state(name, text) {
  byId('status').dataset.state = name;
  document.body.dataset.server = name;
  say(byId('status-text'), text);
}

onKeyAsked(() => { byId('key-form').hidden = false; });
byId('key-form').addEventListener('submit', (event) => {
  event.preventDefault();
  useKey(byId('key').value);
  byId('key').value = '';
  byId('key-form').hidden = true;
  refresh();
});

let wake = () => {};
document.addEventListener('visibilitychange', () => { if (!document.hidden) wake(); });

for (let turn = 0; ; turn++) {
  await look(turn);
  await new Promise((resolve) => {
    wake = resolve;
    setTimeout(resolve, EVERY);
  });
}
