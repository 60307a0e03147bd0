// Sends a test event, as a backend does.

import { post } from './api.js';
import { byId, say } from './dom.js';

export class SendForm {
  // sent is called after an event was taken.
  constructor(sent) {
    byId('send').addEventListener('submit', async (event) => {
      event.preventDefault();
      report('Sending…', 'busy');
      try {
        const { id, streams } = await post('api', body());
        report(`Reached ${streams} ${streams === 1 ? 'stream' : 'streams'} · id ${id}`, 'ok');
        sent();
      } catch (error) {
        report(error.message, 'error');
      }
    });
    byId('send-data').addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) byId('send').requestSubmit();
    });
  }

  // address fills in whom to send to.
  address(token) {
    byId('send-token').value = token;
  }
}

// body is the publication. The data goes in as it was typed, so that its numbers stay
// as they are; what is no JSON the server refuses.
function body() {
  const fields = {
    tokens: JSON.stringify([byId('send-token').value]),
    entityType: JSON.stringify(byId('send-type').value),
    event: byId('send-event').value && JSON.stringify(byId('send-event').value),
    data: byId('send-data').value.trim(),
    ttl: byId('send-keep').checked ? '' : '0',
  };
  return `{${Object.entries(fields).filter(([, text]) => text).map(([name, text]) => `"${name}":${text}`).join(',')}}`;
}

function report(text, status) {
  say(byId('send-result'), text);
  byId('send-result').dataset.status = status;
}
