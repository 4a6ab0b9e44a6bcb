// The page's side of the worker: starts it, hands it a file, hears its progress and its report,
// asks it for text. It survives the worker's death: every promise that was waiting is rejected
// with a fault and the next analysis starts a new worker.
import type { Assets } from "../assets";
import type { Answer, Listing, Progress, Report, Shown } from "../report";
import { type Beside, type Fault, type FaultCode, type Format } from "./protocol";
import { type FromWorker } from "./protocol";
import { type ToWorker, type Watch, readError } from "./protocol";
import type { Source } from "./source";

/** An analysis that ended without a report. */
export class FaultError extends Error {
  constructor(readonly fault: Fault) {
    super(fault.message);
  }
}

const START_TIMEOUT_MS = 20_000;
const CANCEL_TIMEOUT_MS = 4_000;
/** What the first part of the analyzer says when it comes to need its second (crate/wasm). */
const LACKING = "second part of the analyzer";
/** Commands that show instructions, and so want the module that reads machine code. */
const SHOWS_CODE = /^\s*(?:u[bf]?|\.trap|\.cxr)(?:\s|$)/i;
/** The longest that a question to an open file may take without a sign of life. */
const ANSWER_TIMEOUT_MS = 30_000;

interface Job {
  id: number;
  source: Source;
  symbols: readonly File[];
  onProgress: (progress: Progress) => void;
  resolve: (report: Report) => void;
  reject: (error: FaultError) => void;
  done: boolean;
}

interface Call {
  timer: number;
  onProgress: ((progress: Progress) => void) | undefined;
  resolve: (answer: never) => void;
  reject: (error: Error) => void;
}

interface BluepanePolicy {
  createScriptURL(url: string): unknown;
}
let policy: BluepanePolicy | null = null;

/** The one script address that is ever made: that of the worker's own blob. */
function workerAddress(url: string): string {
  if (!window.trustedTypes) return url;
  policy ??= window.trustedTypes.createPolicy("bluepane", {
    createScriptURL: (address: string) => {
      if (!address.startsWith("blob:")) throw new TypeError("only the worker's own blob");
      return address;
    },
  });
  return policy.createScriptURL(url) as string;
}

export class Engine {
  #assets: Assets;
  #worker: Promise<Worker> | null = null;
  #live: Worker | null = null;
  /** The worker that can read symbol files. */
  #formats: Worker | null = null;
  /** The worker that has the analyzer's second part, or is being given it. */
  #later: { worker: Worker; given: Promise<void> } | null = null;
  /** The worker that can read machine code. */
  #disasm: { worker: Worker; given: Promise<void> } | null = null;
  /** Whether an ordinary report turned out to need that part. */
  #whole = false;
  #job: Job | null = null;
  #calls = new Map<number, Call>();
  #next = 1;
  #onLost: (fault: Fault) => void;
  #onRemade: (report: Report) => void;

  /**
   * `onLost` hears of a worker that ended while nobody waited for a report, `onRemade` of a report
   * that a question made anew.
   */
  constructor(assets: Assets, onLost: (fault: Fault) => void, onRemade: (report: Report) => void) {
    this.#assets = assets;
    this.#onLost = onLost;
    this.#onRemade = onRemade;
  }

  /** Analyses `source` with those files beside it; what was open before is closed. */
  async open(
    source: Source,
    onProgress: (progress: Progress) => void,
    symbols: readonly File[] = [],
  ): Promise<Report> {
    this.#abandon("worker-lost", "another file was opened");
    const id = this.#next++;
    return new Promise<Report>((resolve, reject) => {
      this.#job = { id, source, symbols, onProgress, resolve, reject, done: false };
      void this.#hand(this.#job);
    });
  }

  /** Gives the worker the file of a job. */
  async #hand(job: Job): Promise<void> {
    const { id, source, symbols } = job;
    try {
      if (source.size === 0) await this.#probe(source);
      const worker = await this.#start();
      if (this.#whole || symbols.length > 0) await this.#complete(worker);
      const message: ToWorker = { type: "open", id, name: source.name, size: source.size };
      if (source.blob) message.blob = source.blob;
      if (symbols.length) message.symbols = await this.#beside(worker, symbols);
      if (this.#job === job) worker.postMessage(message);
    } catch (error) {
      this.#fail(error instanceof FaultError ? error.fault.code : "not-started", error);
    }
  }

  /** Gives the worker the analyzer's second part, once: what is asked next may need it. */
  #complete(worker: Worker): Promise<void> {
    if (this.#later?.worker !== worker) {
      const given = this.#assets.later().then((bytes) => {
        const wasm = bytes.buffer as ArrayBuffer;
        worker.postMessage({ type: "later", wasm } satisfies ToWorker, [wasm]);
      });
      this.#later = { worker, given };
    }
    return this.#later.given;
  }

  /** Gives the worker what reads machine code, once. */
  #decoding(worker: Worker): Promise<void> {
    if (this.#disasm?.worker !== worker) {
      const given = this.#assets.disasm().then((bytes) => {
        const wasm = bytes.buffer as ArrayBuffer;
        worker.postMessage({ type: "disasm", wasm } satisfies ToWorker, [wasm]);
      });
      this.#disasm = { worker, given };
    }
    return this.#disasm.given;
  }

  /** A worker whose analysis stopped for want of the second part: another one has it from the start. */
  #again(job: Job): void {
    this.#live?.terminate();
    this.#live = null;
    this.#worker = null;
    this.#whole = true;
    void this.#hand(job);
  }

  /** Reads symbol files and images, and gives the worker what reads them, once. */
  async #beside(worker: Worker, files: readonly File[]): Promise<Beside[]> {
    if (this.#formats !== worker) {
      const wasm = (await this.#assets.formats()).buffer as ArrayBuffer;
      worker.postMessage({ type: "formats", wasm } satisfies ToWorker, [wasm]);
      this.#formats = worker;
    }
    return Promise.all(
      files.map(async (file) => ({
        name: file.name,
        bytes: new Uint8Array(await file.arrayBuffer()),
      })),
    );
  }

  /** An empty file may be one that is no longer there. */
  async #probe(source: Source): Promise<void> {
    try {
      await source.read(0, 0);
    } catch (error) {
      throw new FaultError({ code: "file-gone", message: readError(error).message });
    }
  }

  /** Ends the running analysis soon; its partial report is still delivered. */
  cancel(): void {
    const job = this.#job;
    if (!job || job.done) return;
    this.#live?.postMessage({ type: "cancel", id: job.id } satisfies ToWorker);
    window.setTimeout(() => {
      if (this.#job === job && !job.done) this.stop("stopped before it had anything to report");
    }, CANCEL_TIMEOUT_MS);
  }

  /** Ends the worker, whatever it does. */
  stop(reason = "stopped"): void {
    if (this.#job?.done) this.#job = null;
    this.#fail("worker-lost", new Error(reason));
  }

  /** The open file's report in another form. */
  render(format: Format, redact: boolean): Promise<string> {
    return this.#call((id, call) => ({ type: "render", id, call, format, redact }));
  }

  /** One line of the console. A stopped one is answered with what was read by then. */
  command(line: string, watch: Watch = {}): Promise<string> {
    const message = (id: number, call: number): ToWorker => ({ type: "command", id, call, line });
    return this.#call(message, watch, SHOWS_CODE.test(line));
  }

  /** Code around an address or an expression; around the fault where none is given. */
  code(place: string): Promise<Listing> {
    return this.#call((id, call) => ({ type: "code", id, call, place }), {}, true);
  }

  /** Memory at an address or an expression. */
  memory(place: string, physical: boolean, length: number): Promise<Shown> {
    return this.#call((id, call) => ({ type: "memory", id, call, place, physical, length }));
  }

  /** Starts the worker before a file is there, so that the first one finds it compiled. */
  warm(): void {
    this.#start().catch(() => {
      // A file that is opened tries again, and says what went wrong.
      this.#worker = null;
    });
  }

  /** Starts the whole worker, so that what is asked next is answered at once. */
  async prepare(): Promise<void> {
    try {
      await this.#complete(await this.#start());
    } catch (error) {
      this.#fail("not-started", error);
      throw error;
    }
  }

  /** What a code, a name or a line means. No file need be open. */
  async lookUp(line: string): Promise<Answer[]> {
    await this.prepare();
    const call = this.#next++;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, {
        timer: this.#patience(),
        onProgress: undefined,
        resolve,
        reject,
      });
      this.#live?.postMessage({ type: "lookup", call, line } satisfies ToWorker);
    });
  }

  #call<T extends string | Shown | Listing>(
    message: (id: number, call: number) => ToWorker,
    watch: Watch = {},
    decodes = false,
  ): Promise<T> {
    const job = this.#job;
    const live = this.#live;
    if (!job || !live) return Promise.reject(new Error("no file is open in the analyzer"));
    const call = this.#next++;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, {
        timer: this.#patience(),
        onProgress: watch.onProgress,
        resolve,
        reject,
      });
      const given = [this.#complete(live), ...(decodes ? [this.#decoding(live)] : [])];
      Promise.all(given).then(
        () => live.postMessage(message(job.id, call)),
        (error: unknown) => this.#refuse(call, error),
      );
      watch.signal?.addEventListener("abort", () => {
        if (!this.#calls.has(call)) return;
        this.#live?.postMessage({ type: "stop", id: job.id, call } satisfies ToWorker);
      });
    });
  }

  /** Ends one question without an answer. */
  #refuse(call: number, error: unknown): void {
    const waiting = this.#calls.get(call);
    this.#calls.delete(call);
    window.clearTimeout(waiting?.timer);
    waiting?.reject(error instanceof Error ? error : new Error(String(error)));
  }

  #patience(): number {
    return window.setTimeout(
      () => this.#fail("worker-lost", new Error("it did not answer a question")),
      ANSWER_TIMEOUT_MS,
    );
  }

  #start(): Promise<Worker> {
    this.#worker ??= this.#spawn();
    return this.#worker;
  }

  async #spawn(): Promise<Worker> {
    const script = new Blob([this.#assets.worker], { type: "text/javascript" });
    const url = URL.createObjectURL(script);
    const worker = new Worker(workerAddress(url));
    const ready = new Promise<void>((resolve, reject) => {
      const timer = window.setTimeout(
        () => reject(new Error("the analyzer did not start in time")),
        START_TIMEOUT_MS,
      );
      worker.onmessage = (event: MessageEvent<FromWorker>) => {
        window.clearTimeout(timer);
        const said = event.data;
        if (said.type === "fault") reject(new FaultError(said.fault));
        else resolve();
      };
      worker.onerror = (event) => {
        event.preventDefault();
        window.clearTimeout(timer);
        reject(new Error(event.message || "the browser refused to start the worker"));
      };
    });
    try {
      await Promise.all([ready, this.#give(worker)]);
    } catch (error) {
      worker.terminate();
      throw error;
    } finally {
      URL.revokeObjectURL(url);
    }
    worker.onmessage = (event: MessageEvent<FromWorker>) => this.#hear(event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      const job = this.#job;
      if (job && !job.done && !this.#whole && event.message.includes(LACKING)) this.#again(job);
      else this.#fail("worker-lost", new Error(event.message || "the worker ended"));
    };
    worker.onmessageerror = () => this.#fail("worker-lost", new Error("a message was garbled"));
    this.#live = worker;
    return worker;
  }

  /** The worker compiles the module while the tables are still being unpacked here. */
  async #give(worker: Worker): Promise<void> {
    const wasm = (await this.#assets.wasm()).buffer as ArrayBuffer;
    worker.postMessage({ type: "start", wasm } satisfies ToWorker, [wasm]);
    const knowledge = (await this.#assets.knowledge()).buffer as ArrayBuffer;
    worker.postMessage({ type: "knowledge", knowledge } satisfies ToWorker, [knowledge]);
  }

  #hear(said: FromWorker): void {
    if (
      said.type === "reply" ||
      said.type === "shown" ||
      said.type === "listing" ||
      said.type === "answers" ||
      said.type === "refusal"
    ) {
      const call = this.#calls.get(said.call);
      this.#calls.delete(said.call);
      window.clearTimeout(call?.timer);
      if (said.type === "reply") call?.resolve(said.text as never);
      else if (said.type === "shown") call?.resolve(said.shown as never);
      else if (said.type === "listing") call?.resolve(said.listing as never);
      else if (said.type === "answers") call?.resolve(said.answers as never);
      else call?.reject(new Error(said.message));
      return;
    }
    if (said.type === "told") {
      const call = this.#calls.get(said.call);
      if (!call) return;
      window.clearTimeout(call.timer);
      call.timer = this.#patience();
      call.onProgress?.(said.progress);
      return;
    }
    const job = this.#job;
    if (said.type === "ready" || !job || said.id !== job.id) return;
    if (said.type === "read") void this.#read(job, said.read, said.offset, said.length);
    else if (said.type === "progress") job.onProgress(said.progress);
    else if (said.type === "remade") this.#onRemade(said.report);
    else if (said.type === "report") {
      job.done = true;
      job.resolve(said.report);
    } else this.#fail(said.fault.code, new Error(said.fault.message));
  }

  async #read(job: Job, read: number, offset: number, length: number): Promise<void> {
    const answer: ToWorker = { type: "bytes", id: job.id, read };
    const transfer: Transferable[] = [];
    try {
      answer.bytes = await job.source.read(offset, length);
      transfer.push(answer.bytes.buffer);
    } catch (error) {
      answer.error = readError(error);
    }
    this.#live?.postMessage(answer, transfer);
  }

  /** Ends the worker and tells everybody who waits for it. */
  #fail(code: FaultCode, error: unknown): void {
    const idle = this.#job?.done === true;
    this.#live?.terminate();
    this.#live = null;
    this.#worker = null;
    const message = error instanceof Error ? error.message : String(error);
    this.#abandon(code, message);
    if (idle) this.#onLost({ code, message });
  }

  #abandon(code: FaultCode, message: string): void {
    const job = this.#job;
    this.#job = null;
    if (job && !job.done) job.reject(new FaultError({ code, message }));
    for (const call of this.#calls.values()) {
      window.clearTimeout(call.timer);
      call.reject(new Error(message));
    }
    this.#calls.clear();
  }
}
