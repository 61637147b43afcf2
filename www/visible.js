// Parts of the page that the address leaves out: `?show=pad,bits` shows only these, `?hide=bench` all but these.

const PARTS = {
  about: '.top, footer',
  pad: '.drawing',
  answers: '.answers',
  choices: '.choices',
  samples: '.examples',
};

/** Leaves out what the address does not want. */
export function leaveOut() {
  const search = new URLSearchParams(location.search);
  const [show, hide] = ['show', 'hide'].map((name) => search.get(name)?.split(','));
  if (!show && !hide) return;
  const chapters = [...document.querySelectorAll('.chapter')].map(({ id }) => [id, `#${id}, a[href="#${id}"]`]);
  for (const [name, selector] of [...Object.entries(PARTS), ...chapters]) {
    const isLeftOut = (show && !show.includes(name)) || hide?.includes(name);
    if (!isLeftOut) continue;
    for (const part of document.querySelectorAll(selector)) /** @type {HTMLElement} */ (part).hidden = true;
  }
}
