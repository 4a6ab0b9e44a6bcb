// `<bluepane-analyzer>`: takes dumps, runs the analyzer, shows what it found. Everything that
// comes from a dump stays inside shadow roots, so a page saved afterwards does not hold it.
import { LitElement, type PropertyDeclarations, type TemplateResult, html, nothing } from "lit";
import type { Assets } from "../assets";
import type { Embedding } from "../embedding";
import { Engine, FaultError } from "../engine/engine";
import { type Fault, readError } from "../engine/protocol";
import { type Source, blobSource } from "../engine/source";
import { watchDrops } from "../files/dropping";
import { type Picked, fromDrop } from "../files/pick";
import { apart, together } from "../files/symbols";
import { openArchives } from "../files/zip";
import type { Answer, Progress, Report } from "../report";
import { chosen } from "../sections";
import type { Desk } from "../sections/section";
import { abilities } from "../share/clipboard";
import css from "./analyzer.css";
import "./consent";
import { type Wording, nothingIn, shortfall, worded } from "./fault";
import { type ChosenEvent, type Entry } from "./many";
import "./many";
import "./progress";
import "./report";
import { type ReportView } from "./report";
import { styles } from "./sheet";
import { type Theme, ThemeWatch } from "./theme";
import tokens from "./tokens.css";
import "./welcome";
import { type PickedEvent } from "./welcome";

/** The analyzer's step that brings conclusions: JUDGE_STEP of the core. */
const CONCLUDES = "diagnosis";

export class BluepaneAnalyzer extends LitElement {
  static override properties: PropertyDeclarations = {
    theme: { type: String },
    sections: { type: String },
    hideDrop: { type: Boolean, attribute: "hide-drop" },
    standalone: { type: Boolean },
    report: { state: true },
    halted: { state: true },
    unpacking: { state: true },
    nothing: { state: true },
    printed: { state: true },
    entries: { state: true },
    busy: { state: true },
    stopping: { state: true },
    progress: { state: true },
    fault: { state: true },
    over: { state: true },
  };
  static override styles = styles(tokens, css);
  /** Where the worker, the module and the sample come from. */
  static assets: Assets;

  /** `auto`, `light` or `dark`. */
  declare theme: Theme;
  /** Sections to show, separated by spaces; all when empty. */
  declare sections: string;
  /** Without a drop zone: the host page opens files itself. */
  declare hideDrop: boolean;
  /** Whether this element is the page, and not a part of one. */
  declare standalone: boolean;
  /** The report on show. */
  declare report: Report | null;
  /** Whether the analysis of what is on show was ended by the user. */
  declare halted: boolean;
  /** The archive that is being opened. */
  declare unpacking: string;
  /** Why there was nothing to analyse in what was dropped. */
  declare nothing: Wording | null;
  /** The redacted report while it is being printed. */
  declare printed: Report | null;
  /** All files, when there are several. */
  declare entries: Entry[];
  declare busy: boolean;
  declare stopping: boolean;
  declare progress: Progress | null;
  declare fault: Fault | null;
  declare over: boolean;

  /** The page's own source, where it may be saved. */
  toolSource: string | null = null;
  embedding: Embedding | null = null;
  /** Whether the analysis has yet to conclude anything. */
  #early = false;
  #engine: Engine | null = null;
  /** The file on show. */
  #source: Source | null = null;
  /** Symbol files and images that were dropped, for this and every further dump. */
  #symbols: File[] = [];
  /** Settles when the analyzer holds the file on show and can answer. */
  #ready: Promise<unknown> = Promise.resolve();
  #round = 0;
  #passedOver = 0;
  #unwatch: (() => void) | null = null;
  #shade = new ThemeWatch(this);

  constructor() {
    super();
    this.theme = "auto";
    this.sections = "";
    this.hideDrop = false;
    this.standalone = false;
    this.report = null;
    this.halted = false;
    this.unpacking = "";
    this.nothing = null;
    this.printed = null;
    this.entries = [];
    this.busy = false;
    this.stopping = false;
    this.progress = null;
    this.fault = null;
    this.over = false;
  }

  /** Whether anything of a dump is on show. */
  get holdsDump(): boolean {
    return this.entries.length > 0;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#shade.start();
    if (this.hideDrop) return;
    this.#unwatch = watchDrops(
      this.standalone ? window : this,
      (over) => (this.over = over),
      (data) => void fromDrop(data).then((picked) => this.#openPicked(picked)),
    );
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#shade.stop();
    this.#unwatch?.();
    this.#unwatch = null;
    this.#engine?.stop();
    this.#engine = null;
  }

  /** The page of its own has nothing else to do until a file comes; an element in a host's page has. */
  protected override firstUpdated(): void {
    if (this.standalone) window.setTimeout(() => this.isConnected && this.#started().warm());
  }

  protected override willUpdate(): void {
    this.#shade.apply(this.theme);
  }

  /** Analyses one file or several. Resolves with the reports that could be made. */
  async open(input: FileList | File | Blob | readonly File[]): Promise<Report[]> {
    const files = input instanceof Blob ? [input] : [...input];
    const named = files.map((file) => (file instanceof File ? file : new File([file], "dump")));
    return this.#openPicked({ files: named, passedOver: 0 });
  }

  /** Whether a report is on show that is not still growing. */
  get complete(): boolean {
    return this.report !== null && !this.busy;
  }

  /** The open report as JSON. */
  reportJson(redact: boolean): Promise<string> {
    return this.#desk.render("json", redact);
  }

  async #openPicked(picked: Picked): Promise<Report[]> {
    const { files, passedOver } = await openArchives(picked, (name) => (this.unpacking = name));
    this.unpacking = "";
    const { dumps, symbols } = apart(files);
    if (symbols.length) this.#symbols = together(this.#symbols, symbols);
    this.nothing = null;
    // Files for the dump on show: it is read again with them, and what became of them is shown.
    const source = this.#source;
    if (dumps.length === 0 && symbols.length && source) {
      const reports = await this.analyze([source]);
      if (reports.length) this.#view()?.show("symbols");
      return reports;
    }
    if (dumps.length === 0) {
      this.nothing = nothingIn(picked, passedOver, symbols);
      await this.updateComplete;
      this.renderRoot.querySelector(".fault")?.scrollIntoView({ block: "nearest" });
      return [];
    }
    this.#passedOver = passedOver;
    return this.analyze(dumps.map((file) => blobSource(file)));
  }

  async #openSample(): Promise<void> {
    const data = await BluepaneAnalyzer.assets.sample();
    if (data) await this.analyze([blobSource(new Blob([data as BlobPart]), "sample.dmp")]);
  }

  /** Analyses what can answer ranges: files, or whatever a host page reads for itself. */
  async analyze(sources: Source[]): Promise<Report[]> {
    if (sources.length === 0) return [];
    this.#reset();
    const round = ++this.#round;
    const reports: Report[] = [];
    this.entries = sources.map((source) => ({ source, report: null, problem: "" }));
    this.busy = true;
    for (const entry of this.entries) {
      if (this.#round !== round || this.stopping) break;
      const report = await this.#analyzeOne(entry);
      if (report) reports.push(report);
    }
    if (this.#round !== round) return reports;
    this.busy = false;
    this.stopping = false;
    await this.updateComplete;
    this.#enter();
    return reports;
  }

  /** Analyses a source that has yet to be reached; where it cannot be, says so as for a file. */
  protected async openWith(reach: () => Promise<Source>, name: string): Promise<Report[]> {
    try {
      return await this.analyze([await reach()]);
    } catch (error) {
      this.#reset();
      this.fault = { code: "read-failed", message: readError(error).message };
      this.#tell("bluepane-error", { name, ...this.fault });
      return [];
    }
  }

  #reset(): void {
    this.embedding?.withdraw();
    this.report = null;
    this.fault = null;
    this.nothing = null;
    this.progress = null;
    this.stopping = false;
    this.halted = false;
    this.#source = null;
  }

  async #analyzeOne(entry: Entry): Promise<Report | null> {
    const alone = this.entries.length === 1;
    this.progress = null;
    if (alone) this.#source = entry.source;
    try {
      const run = this.#run(entry.source, alone);
      if (alone) this.#ready = run;
      const report = await run;
      entry.report = report;
      if (alone) this.report = report;
      this.entries = [...this.entries];
      this.#tell("bluepane-report", { name: entry.source.name, report });
      if (alone) void this.embedding?.offer();
      return report;
    } catch (error) {
      // Its place was taken by another analysis: nobody waits for this one any more.
      if (!this.entries.includes(entry)) return null;
      const fault = faultOf(error);
      entry.problem = worded(fault).title;
      if (alone) {
        this.fault = fault;
        // What had been drawn by then says no more than the fault does, unless the stop was read.
        if (!this.report?.bugcheck && !this.report?.exception) this.report = null;
      }
      this.entries = [...this.entries];
      this.#tell("bluepane-error", { name: entry.source.name, ...fault });
      return null;
    }
  }

  #run(source: Source, show: boolean): Promise<Report> {
    const started = performance.now();
    this.#early = true;
    const heard = (progress: Progress): void => {
      this.progress = progress;
      if (progress.step === CONCLUDES) this.#early = false;
      if (show && progress.report) this.report = progress.report;
      const { report: _, ...counts } = progress;
      this.#tell("bluepane-progress", { name: source.name, ...counts });
    };
    return this.#started()
      .open(source, heard, this.#symbols)
      .then((report) => {
        const elapsed = performance.now() - started;
        return { ...report, stats: { elapsed_ms: elapsed, ...report.stats } };
      });
  }

  /** A question found what the report of the open file was made without. */
  #remade(report: Report): void {
    const entry = this.entries.find(({ source }) => source === this.#source);
    if (!entry || !this.report) return;
    entry.report = report;
    this.report = report;
    this.#tell("bluepane-report", { name: entry.source.name, report });
    void this.embedding?.offer();
  }

  /** Shows one of many; the analyzer opens it again behind the kept report, for its questions. */
  #choose(entry: Entry): void {
    if (!entry.report || this.busy) return;
    this.fault = null;
    this.report = entry.report;
    this.#source = entry.source;
    this.#ready = this.#run(entry.source, false);
    this.#ready.then(
      () => void this.embedding?.offer(),
      (error: unknown) => (this.fault = faultOf(error)),
    );
    void this.updateComplete.then(() => this.#enter());
  }

  #showAll(): void {
    this.embedding?.withdraw();
    this.report = null;
    this.fault = null;
    this.#source = null;
    void this.updateComplete.then(() => this.#enter());
  }

  #close(): void {
    this.#round++;
    this.#engine?.stop();
    this.#reset();
    this.busy = false;
    this.entries = [];
    this.#passedOver = 0;
    void this.updateComplete.then(() => this.#enter());
  }

  #stop(): void {
    this.stopping = true;
    this.halted = true;
    this.#engine?.cancel();
  }

  #again(): void {
    const source = this.#source;
    if (source) void this.analyze([source]);
  }

  #tell(name: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  /** Moves the keyboard to what is new, unless it is busy elsewhere on a host's page. */
  #enter(): void {
    const focused = document.activeElement;
    const ours = this.standalone && window.parent === window && focused === document.body;
    if (focused !== this && !ours) return;
    const part = this.renderRoot.querySelector<HTMLElement & { enter?(): void }>(".main");
    part?.enter?.();
  }

  #desk: Desk = {
    command: async (line, watch) => {
      await this.#ready;
      return this.#need().command(line, watch);
    },
    render: async (format, redact) => {
      await this.#ready;
      return this.#need().render(format, redact);
    },
    show: (section, mark) => this.#view()?.show(section, mark),
    has: () => false,
    memory: async (place, physical, length) => {
      await this.#ready;
      return this.#need().memory(place, physical, length);
    },
    code: async (place) => {
      await this.#ready;
      return this.#need().code(place);
    },
    run: null,
    reads: false,
    explore: null,
    beside: (files) => void this.#openPicked({ files, passedOver: 0 }),
    print: (redact) => this.#print(redact),
    tool: null,
    abilities: { save: true, print: true },
  };

  #view(): ReportView | null {
    return this.renderRoot.querySelector<ReportView>("bluepane-report-view");
  }

  /** Whether the explorer is among the sections on show, with the file behind it. */
  #explores(report: Report): boolean {
    const shown = chosen(report, this.sections).some(({ id }) => id === "explorer");
    return shown && !this.busy;
  }

  #started(): Engine {
    this.#engine ??= new Engine(
      BluepaneAnalyzer.assets,
      (fault) => (this.fault = fault),
      (report) => this.#remade(report),
    );
    return this.#engine;
  }

  #lookUp = (line: string): Promise<Answer[]> => this.#started().lookUp(line);

  #prepare = (): void => {
    // What goes wrong is said when something is asked.
    this.#started()
      .prepare()
      .catch(() => undefined);
  };

  #need(): Engine {
    if (!this.#engine) throw new Error("no file is open");
    return this.#engine;
  }

  async #print(redact: boolean): Promise<void> {
    if (redact) {
      this.printed = JSON.parse(await this.#desk.render("json", true)) as Report;
      await this.updateComplete;
      await new Promise((resolve) => window.setTimeout(resolve, 50));
    }
    await this.#view()?.prepare();
    window.addEventListener("afterprint", () => (this.printed = null), { once: true });
    window.print();
  }

  protected override render(): unknown {
    return html`<div class="page ${this.over ? "over" : ""}">
      ${this.#bar()}
      <div
        class="inner"
        role=${this.standalone ? "main" : "region"}
        aria-label="Crash dump analysis"
      >
        ${this.#consent()} ${this.#progress()} ${this.#wrong()} ${this.#body()}
      </div>
    </div>`;
  }

  #bar(): TemplateResult {
    const several = this.entries.length > 1;
    const name = this.#source?.name ?? "";
    return html`<div
      class="bar screen"
      role=${this.standalone ? "banner" : "group"}
      aria-label="bluepane"
    >
      <div>
        <button type="button" class="skip" @click=${() => this.#enter()}>Skip to the report</button>
        <span class="brand">bluepane</span>
        <span class="file" title=${name}>${name}</span>
        ${
          several && this.report
            ? html`<button type="button" @click=${() => this.#showAll()}>All files</button>`
            : nothing
        }
        ${
          this.entries.length && !this.hideDrop
            ? html`<button type="button" @click=${() => this.#close()}>Open another</button>`
            : nothing
        }
        <label
          ><span class="unseen">Colours</span>
          <select
            @change=${(event: Event) =>
              (this.theme = (event.target as HTMLSelectElement).value as Theme)}
          >
            ${THEMES.map(
              ([theme, label]) =>
                html`<option value=${theme} ?selected=${this.theme === theme}>${label}</option>`,
            )}
          </select>
        </label>
      </div>
    </div>`;
  }

  #consent(): TemplateResult | typeof nothing {
    const embedding = this.embedding;
    if (!embedding || embedding.origin === null) return nothing;
    return html`<bluepane-consent
      .embedding=${embedding}
      ?asks=${embedding.waiting}
      consent=${embedding.consent}
    ></bluepane-consent>`;
  }

  #progress(): TemplateResult | typeof nothing {
    if (this.unpacking) return html`<p role="status">Unpacking ${this.unpacking}…</p>`;
    if (!this.busy) return nothing;
    const done = this.entries.filter((entry) => entry.report || entry.problem).length;
    const place = this.entries.length > 1 ? `${done + 1} of ${this.entries.length}` : "";
    return html`<bluepane-progress
      .progress=${this.progress}
      place=${place}
      ?stopping=${this.stopping}
      @stop=${() => this.#stop()}
    ></bluepane-progress>`;
  }

  #wrong(): TemplateResult | typeof nothing {
    const shown = this.complete && this.report;
    const wording = this.fault
      ? worded(this.fault)
      : (this.nothing ?? (shown ? shortfall(shown, this.halted) : null));
    if (!wording) return nothing;
    const { title, text, again, partial } = wording;
    return html`<div class="fault ${partial ? "partial" : ""}" role="alert">
      <h2>${title}</h2>
      <p>${text}</p>
      <div class="buttons">
        ${
          again && this.#source
            ? html`<button type="button" @click=${() => this.#again()}>
                ${partial ? "Read it again" : "Try again"}
              </button>`
            : nothing
        }
      </div>
    </div>`;
  }

  #body(): TemplateResult | typeof nothing {
    const report = this.printed ?? this.report;
    if (report) return this.#report(report);
    if (this.entries.length > 1) {
      return html`<bluepane-many
        class="main"
        .entries=${this.entries}
        .passedOver=${this.#passedOver}
        ?busy=${this.busy}
        @chosen=${(event: ChosenEvent) => this.#choose(event.entry)}
      ></bluepane-many>`;
    }
    if (this.hideDrop || (this.entries.length === 1 && !this.fault)) return nothing;
    return this.#welcome(this.fault !== null);
  }

  #report(report: Report): TemplateResult {
    const shown = new Set(chosen(report, this.sections).map(({ id }) => id));
    const reads = this.#explores(report);
    const explores = reads && this.printed === null;
    const asks = shown.has("console") && !this.busy && this.printed === null;
    const desk: Desk = {
      ...this.#desk,
      has: (section) => shown.has(section),
      reads,
      run: asks ? (line) => this.#view()?.ask(line) : null,
      explore: explores ? (address) => this.#view()?.explore(address) : null,
      tool: this.toolSource,
      abilities: abilities(this.embedding?.allowed),
    };
    const unreadable = report.error !== undefined && !report.bugcheck && !this.busy;
    return html`<bluepane-report-view
        class="main"
        .report=${report}
        .desk=${desk}
        sections=${this.sections}
        ?busy=${this.busy}
        ?early=${this.busy && this.#early}
        ?bare=${this.printed !== null}
      ></bluepane-report-view>
      ${
        unreadable && !this.hideDrop
          ? html`<div class="again screen">${this.#welcome(true)}</div>`
          : nothing
      }`;
  }

  #welcome(brief: boolean): TemplateResult {
    return html`<bluepane-welcome
      class=${brief ? "" : "main"}
      ?over=${this.over}
      ?sample=${BluepaneAnalyzer.assets.hasSample()}
      ?network=${!this.standalone}
      ?brief=${brief}
      .lookUp=${this.#lookUp}
      .prepare=${this.#prepare}
      @picked=${(event: PickedEvent) => void this.#openPicked(event.picked)}
      @sample=${() => void this.#openSample()}
    ></bluepane-welcome>`;
  }
}

const THEMES: [Theme, string][] = [
  ["auto", "System colours"],
  ["light", "Light"],
  ["dark", "Dark"],
];

function faultOf(error: unknown): Fault {
  if (error instanceof FaultError) return error.fault;
  return { code: "analyzer-stopped", message: readError(error).message };
}
