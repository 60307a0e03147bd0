// Where the list of a card begins: the id after which its oldest notification
// came. It outlives a reload in this tab, and the server's journal then fills
// the list again. Without session storage the list just begins anew.

const key = (token) => `notifier position ${token}`;

export function load(token) {
  try {
    return sessionStorage.getItem(key(token)) ?? '';
  } catch {
    return '';
  }
}

export function save(token, id) {
  try {
    sessionStorage.setItem(key(token), id);
  } catch {
    // storage is full or forbidden
  }
}

export function forget(token) {
  try {
    sessionStorage.removeItem(key(token));
  } catch {
    // forbidden: nothing was saved either
  }
}
