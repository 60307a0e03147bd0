// Small steps that every part of the page takes in the document.

// clone returns the first element of a template of the page.
export function clone(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

// show puts text into an element and hides the element while there is none.
export function show(element, text) {
  element.textContent = text;
  element.hidden = text === '';
}

// stamp writes the present time of day into a time element.
export function stamp(element) {
  const now = new Date();
  element.dateTime = now.toISOString();
  element.textContent = clock(now);
}

export function clock(time) {
  return time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
}
