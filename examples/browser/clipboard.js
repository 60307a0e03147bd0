// copyText copies the text of an element and says so on the button. Browsers
// grant the clipboard only to https and loopback pages; elsewhere the text is
// selected, which leaves one key to press.
export async function copyText(element, button) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    button.textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren(element);
    button.textContent = 'Selected';
  }
  setTimeout(() => { button.textContent = 'Copy'; }, 2_000);
}
