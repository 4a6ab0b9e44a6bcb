// Copying and saving, where the surroundings allow it. A page over plain http has no clipboard
// interface, and a sandboxed frame may neither save nor print: then the text is shown selected.

/** What this page may do where it stands. */
export interface Abilities {
  save: boolean;
  print: boolean;
}

/** A frame without an origin of its own is sandboxed; its embedder can say what it allows. */
export function abilities(allowed: readonly string[] = []): Abilities {
  const framed = window.parent !== window;
  const sandboxed = framed && window.origin === "null";
  return {
    save: !sandboxed || allowed.includes("downloads"),
    print: !sandboxed || allowed.includes("modals"),
  };
}

/** Copies `text`. False where nothing worked; the caller then shows it for copying by hand. */
export async function copyText(text: string, near: ShadowRoot | Document): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, near);
  }
}

function copyBySelection(text: string, near: ShadowRoot | Document): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "unseen";
  const parent = near instanceof Document ? near.body : near;
  const before = near.activeElement;
  parent.append(field);
  field.select();
  let copied = false;
  try {
    copied = document.execCommand("copy");
  } catch {
    copied = false;
  }
  field.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  return copied;
}

/** Offers `text` as a file to save. */
export function saveText(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
