// What a person sees of the page, for drivers that cannot look into shadow roots by themselves.
// Each function is sent to the browser as text, so it stands alone.

/** All text on the page, shadow roots included; of an element with a shadow root only that. */
export function deepText() {
  const skipped = new Set(["SCRIPT", "STYLE", "TEMPLATE", "NOSCRIPT"]);
  const parts = [];
  const visit = (node) => {
    if (node.nodeType === Node.TEXT_NODE) parts.push(node.data);
    if (skipped.has(node.nodeName) || node.hidden) return;
    for (const child of (node.shadowRoot ?? node).childNodes) visit(child);
  };
  visit(document.body);
  return parts.join(" ").replace(/\s+/g, " ").trim();
}

/** The first element that matches, in any shadow root. */
export function deepQuery(selector) {
  const search = (root) => {
    const found = root.querySelector(selector);
    if (found) return found;
    for (const element of root.querySelectorAll("*")) {
      const inner = element.shadowRoot && search(element.shadowRoot);
      if (inner) return inner;
    }
    return null;
  };
  return search(document);
}

/** Presses the first enabled button or link whose text begins with `label`; tells whether. */
export function deepClick(label) {
  const search = (root) => {
    for (const element of root.querySelectorAll("*")) {
      const text = element.matches("button, a, summary") && element.textContent.trim();
      if (text && text.replace(/\s+/g, " ").startsWith(label) && !element.disabled) return element;
      const inner = element.shadowRoot && search(element.shadowRoot);
      if (inner) return inner;
    }
    return null;
  };
  const found = search(document);
  found?.click();
  return found !== null;
}

/** Gives the page `deepFind(name)`: the first element of that name, in any shadow root. */
export function giveDeepFind() {
  const find = (root, name) => {
    for (const one of root.querySelectorAll("*")) {
      if (one.localName === name) return one;
      const found = one.shadowRoot && find(one.shadowRoot, name);
      if (found) return found;
    }
    return null;
  };
  globalThis.deepFind = (name) => find(document, name);
}
