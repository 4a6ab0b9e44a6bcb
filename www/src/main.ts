/** The page. So far: proves that the core runs in its worker, under the policy. */
import workerText from "bluepane:worker";
import { LitElement, html } from "lit";

class Analyzer extends LitElement {
  static override properties = { version: { state: true } };
  declare version: string;

  override async connectedCallback(): Promise<void> {
    super.connectedCallback();
    const worker = startWorker();
    worker.onmessage = ({ data }: MessageEvent<string>) => {
      this.version = data;
    };
    const core = await carried("bluepane-wasm");
    worker.postMessage(core, [core]);
  }

  protected override render(): unknown {
    return html`<main>
      <h1>bluepane</h1>
      <p id="version">${this.version ?? "starting"}</p>
    </main>`;
  }
}

function startWorker(): Worker {
  const policy = window.trustedTypes?.createPolicy("bluepane", {
    createScriptURL(address: string) {
      if (!address.startsWith("blob:")) throw new TypeError("only the worker's own blob");
      return address;
    },
  });
  const address = URL.createObjectURL(new Blob([workerText], { type: "text/javascript" }));
  return new Worker((policy?.createScriptURL(address) ?? address) as string);
}

/** Opens one of the compressed parts that the page carries (www/build/limits.mjs). */
async function carried(id: string): Promise<ArrayBuffer> {
  const text = document.getElementById(id)?.textContent ?? "";
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const opened = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(opened).arrayBuffer();
}

customElements.define("bluepane-analyzer", Analyzer);
