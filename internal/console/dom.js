// What every part of the page does to the document.

export const byId = (id) => document.getElementById(id);

// clone is a copy of the only element in a template.
export const clone = (template) => byId(template).content.firstElementChild.cloneNode(true);

// say sets a text if it is another one, so that what somebody has selected stays so.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// show says something in an element that is not there when there is nothing to say.
export function show(element, text) {
  say(element, text);
  element.hidden = !text;
}

// reconcile makes the children of parent those of the items, in their order. One that
// was there before stays the same element, and so keeps the focus.
export function reconcile(parent, items, { key, create, update }) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const child = before.get(key(item)) ?? create(item);
    child.dataset.key = key(item);
    before.delete(key(item));
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of before.values()) child.remove();
}
