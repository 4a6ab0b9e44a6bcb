// What a person sees of the page, for drivers that cannot look into shadow roots by themselves.
// Each function is sent to the browser as text, so it stands alone.

/** All text on the page, shadow roots included. */
export function deepText() {
  const skipped = new Set(["SCRIPT", "STYLE", "TEMPLATE"]);
  const parts = [];
  const visit = (node) => {
    if (node.nodeType === Node.TEXT_NODE) parts.push(node.data);
    if (skipped.has(node.nodeName)) return;
    for (const child of node.shadowRoot?.childNodes ?? []) visit(child);
    for (const child of node.childNodes) visit(child);
  };
  visit(document.body);
  return parts.join(" ").replace(/\s+/g, " ");
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
