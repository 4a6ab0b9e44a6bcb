// The browser's own "Save Page As" while a report is on show. Firefox leaves shadow roots out of
// what it saves; Chromium's "Webpage, Complete" writes them into the file. So the key that saves
// gives the tool itself (and a copy saved through the menu forgets what it brought: pristine.ts).
import { abilities, saveText } from "./share/clipboard";

export interface Saved {
  /** The page's own source. */
  toolSource: string | null;
  /** Whether anything of a dump is on show. */
  readonly holdsDump: boolean;
}

/** Ctrl+S, or Command+S, saves the page as it was shipped while something of a dump is on show. */
export function watchSaveKey(element: Saved): void {
  window.addEventListener("keydown", (event) => {
    const wanted = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (!wanted || event.key.toLowerCase() !== "s" || !element.holdsDump) return;
    if (element.toolSource === null || !abilities().save) return;
    event.preventDefault();
    saveText("bluepane.html", "text/html", element.toolSource);
  });
}
