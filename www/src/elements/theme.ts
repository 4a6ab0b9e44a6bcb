// Light or dark: the theme attribute, or what the system prefers.

export type Theme = "auto" | "light" | "dark";

export class ThemeWatch {
  #host: HTMLElement & { requestUpdate(): void };
  #query = window.matchMedia("(prefers-color-scheme: dark)");

  constructor(host: HTMLElement & { requestUpdate(): void }) {
    this.#host = host;
  }

  #changed = (): void => this.#host.requestUpdate();

  start(): void {
    this.#query.addEventListener("change", this.#changed);
  }

  stop(): void {
    this.#query.removeEventListener("change", this.#changed);
  }

  apply(theme: Theme): void {
    const dark = theme === "dark" || (theme !== "light" && this.#query.matches);
    this.#host.dataset.shade = dark ? "dark" : "light";
  }
}
