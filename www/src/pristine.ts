// The page's own source, kept before anything is drawn, so that "Save this tool" gives the file
// that was shipped and never anything of a dump. From file:// a page cannot fetch itself; the
// built file is written so that this text is byte for byte the same.
export const pristine = "<!doctype html>" + document.documentElement.outerHTML;

// A copy that Chromium saved as "Webpage, Complete" brings along what was on show. It is emptied
// before any element is defined that could try to draw without a report.
document.querySelector("bluepane-analyzer")?.shadowRoot?.replaceChildren();
