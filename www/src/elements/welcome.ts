// Before there is a report: where to drop a dump, the promise, where Windows keeps dumps.
import { LitElement, html, nothing } from "lit";
import { type Picked, fromList } from "../files/pick";
import css from "./welcome.css";
import "./lookup";
import type { Answer } from "../report";
import { define, styles } from "./sheet";

/** Fired with what was picked. */
export class PickedEvent extends Event {
  constructor(readonly picked: Picked) {
    super("picked");
  }
}

export class Welcome extends LitElement {
  static override properties = {
    sample: { type: Boolean },
    network: { type: Boolean },
    brief: { type: Boolean },
  };
  static override styles = styles(css);
  /** Whether a sample is carried. */
  declare sample: boolean;
  /** Whether a host page's own scripts are around, so that the promise is not ours to give. */
  declare network: boolean;
  /** Only the drop zone. */
  declare brief: boolean;
  /** What a code means, asked of the analyzer. */
  lookUp: ((line: string) => Promise<Answer[]>) | null = null;
  prepare: () => void = () => undefined;

  protected override render(): unknown {
    return html`<div class="zone">
        <h1 tabindex="-1">Drop a Windows crash dump here</h1>
        <p class="does">
          MEMORY.DMP, a minidump, a folder of them or a zip. What crashed, why, and what to do next.
        </p>
        <div class="buttons">
          <button type="button" class="primary" @click=${() => this.#input("files")?.click()}>
            Choose files
          </button>
          <button type="button" @click=${() => this.#input("folder")?.click()}>
            Choose a folder
          </button>
          ${
            this.sample
              ? html`<button type="button" @click=${() => this.dispatchEvent(new Event("sample"))}>
                  Open the sample
                </button>`
              : nothing
          }
        </div>
        <input
          hidden
          id="files"
          type="file"
          multiple
          tabindex="-1"
          aria-label="Crash dumps"
          @change=${this.#picked}
        />
        <input
          hidden
          id="folder"
          type="file"
          webkitdirectory
          tabindex="-1"
          aria-label="A folder of crash dumps"
          @change=${this.#picked}
        />
        ${this.#promise()}
      </div>
      ${this.brief ? nothing : [this.#lookUp(), this.#help()]}`;
  }

  #lookUp(): unknown {
    if (!this.lookUp) return nothing;
    return html`<bluepane-lookup
      ?linked=${!this.network}
      .ask=${this.lookUp}
      .prepare=${this.prepare}
    ></bluepane-lookup>`;
  }

  #promise(): unknown {
    if (this.network) {
      return html`<p class="promise">
        <b>The analyzer sends nothing anywhere.</b> It works inside this browser. The page around it
        has scripts of its own, for which it cannot speak.
      </p>`;
    }
    return html`<p class="promise">
      <b>Nothing leaves this computer.</b> The dump is read in slices inside this browser. The
      page’s policy lets it connect to nothing and load nothing, and only the script it was built
      with may run. It stores nothing; closing the page forgets the dump.
    </p>`;
  }

  #help(): unknown {
    return html`<div class="help">
      <section aria-labelledby="where">
        <h2 id="where">Where Windows keeps dumps</h2>
        <dl>
          <dt><code>C:\\Windows\\MEMORY.DMP</code></dt>
          <dd>the last kernel, automatic or complete dump</dd>
          <dt><code>C:\\Windows\\Minidump</code></dt>
          <dd>small dumps, one for each crash</dd>
          <dt><code>C:\\Windows\\LiveKernelReports</code></dt>
          <dd>live dumps: the machine kept running</dd>
          <dt><code>%LOCALAPPDATA%\\CrashDumps</code></dt>
          <dd>dumps of single programs</dd>
        </dl>
        <p>
          The first three need administrator rights, which a browser does not have: copy the file to
          your desktop first, then drop the copy.
        </p>
      </section>
      <section aria-labelledby="none">
        <h2 id="none">No dump was written?</h2>
        <p>
          In System Properties, Startup and Recovery, choose “Automatic memory dump”. The page file
          on the system drive must be large enough; let Windows manage it, or set a dedicated dump
          file. A minidump names the stop and the drivers; only a kernel dump also holds the memory
          counters, the processes and the pool.
        </p>
        <p>
          A file that is still being written, or that a cloud drive keeps elsewhere, cannot be read:
          copy it first, then drop the copy.
        </p>
      </section>
    </div>`;
  }

  #input(id: string): HTMLInputElement | null {
    return this.renderRoot.querySelector<HTMLInputElement>(`#${id}`);
  }

  #picked = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    if (input.files?.length) {
      this.dispatchEvent(new PickedEvent(fromList(input.files, input.id === "folder")));
    }
    input.value = "";
  };

  /** Moves the keyboard here. */
  enter(): void {
    this.renderRoot.querySelector("h1")?.focus();
  }
}

define("bluepane-welcome", Welcome);
