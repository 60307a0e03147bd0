// Asks before something is done that cannot be undone.

import { byId, say } from './dom.js';

// areYouSure resolves to '' for no, and for yes to what was chosen.
export function areYouSure({ title, text, yes, choice = false }) {
  const dialog = byId('sure');
  say(byId('sure-title'), title);
  say(byId('sure-text'), text);
  say(byId('sure-yes'), yes);
  byId('sure-choice').hidden = !choice;
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => { // it comes late: the dialog may be open again, for another question
      if (!dialog.open) resolve(dialog.returnValue && (choice ? byId('sure-for').value : 'yes'));
    };
  });
}
