// The worker: holds the analyzer and the file, answers the page. It reads slices itself; where
// a worker may not (WebKit from file:// answers NotReadableError), the page reads for it.
import { Analyzer, initSync, install_knowledge, look_up } from "bluepane-wasm";
import { disassemble, initSync as initDisasm } from "bluepane-wasm-disasm";
import { convert, initSync as initFormats } from "bluepane-wasm-formats";
import type { Beside, FromWorker, ReadError, ToWorker } from "../engine/protocol";
import { isGone, readError } from "../engine/protocol";
import type { Listing, Progress, Report, Shown } from "../report";
import { Rounds } from "./rounds";

const scope = self as unknown as {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
};
const PROGRESS_EVERY_MS = 60;

type Reads = (offset: number, length: number) => Promise<Uint8Array>;

class Session {
  #analyzer: Analyzer;
  #waiting = new Map<number, { resolve: (b: Uint8Array) => void; reject: (e: Error) => void }>();
  #next = 1;
  #blob: Blob | undefined;
  #rounds: Rounds | undefined;
  #said = 0;
  /** The first read that failed for good, of those that the analyzer asked for. */
  lost: ReadError | null = null;
  /** Settles when what was asked before is answered: the analyzer does one thing at a time. */
  #turn: Promise<void> = Promise.resolve();
  /** The question that is being answered, and those that are not wanted any more. */
  #asked = 0;
  #dropped = new Set<number>();

  constructor(
    readonly id: number,
    name: string,
    size: number,
    blob: Blob | undefined,
    symbols: readonly Beside[],
  ) {
    this.#blob = blob;
    if (blob) {
      const alone: Reads = (...range) => this.#readAlone(...range);
      this.#rounds = new Rounds(blob, alone, (...range) => this.#readInPage(...range));
    }
    this.#analyzer = new Analyzer(name, size);
    if (decodes) this.decode();
    for (const file of symbols) this.#beside(file);
  }

  /** An image is taken as it is; a PDB or ISF file is made into a table first. */
  #beside({ name, bytes }: Beside): void {
    try {
      const image = bytes[0] === 0x4d && bytes[1] === 0x5a;
      this.#analyzer.add_symbols(name, image ? bytes : convert(name, bytes));
    } catch (error) {
      this.#analyzer.add_unusable(name, readError(error).message);
    }
  }

  run(): Promise<void> {
    this.#turn = this.#run();
    return this.#turn;
  }

  async #run(): Promise<void> {
    try {
      const report = await this.#analyzer.run(
        (offset, length) => this.#read(offset, length),
        (progress) => this.#progress(progress),
      );
      if (session === this) this.#finish(report);
    } catch (error) {
      const said = readError(error);
      const lost = this.lost;
      if (lost) {
        fault(this.id, isGone(lost) ? "file-gone" : "read-failed", lost.message);
      } else fault(this.id, "analyzer-stopped", said.message);
    }
  }

  #finish(report: Awaited<ReturnType<Analyzer["run"]>>): void {
    if (this.lost && !report.bugcheck) {
      fault(this.id, isGone(this.lost) ? "file-gone" : "read-failed", this.lost.message);
    } else scope.postMessage({ type: "report", id: this.id, report });
  }

  #progress(progress: Progress): void {
    const now = performance.now();
    if (!progress.report && now - this.#said < PROGRESS_EVERY_MS) return;
    this.#said = now;
    scope.postMessage({ type: "progress", id: this.id, progress });
  }

  #read(offset: number, length: number): Promise<Uint8Array> {
    return this.#rounds?.read(offset, length) ?? this.#readAlone(offset, length);
  }

  async #readAlone(offset: number, length: number): Promise<Uint8Array> {
    if (this.#blob) {
      try {
        return new Uint8Array(await this.#blob.slice(offset, offset + length).arrayBuffer());
      } catch (error) {
        // Perhaps only a worker may not read here. If the page cannot either, the file is gone.
        if (readError(error).name !== "NotReadableError") throw this.#give(readError(error));
        this.#blob = undefined;
        this.#rounds = undefined;
      }
    }
    try {
      return await this.#readInPage(offset, length);
    } catch (error) {
      throw this.#give(readError(error));
    }
  }

  #readInPage(offset: number, length: number): Promise<Uint8Array> {
    const read = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(read, { resolve, reject });
      scope.postMessage({ type: "read", id: this.id, read, offset, length });
    });
  }

  answer(read: number, bytes: Uint8Array | undefined, error: ReadError | undefined): void {
    const waiting = this.#waiting.get(read);
    this.#waiting.delete(read);
    if (bytes) waiting?.resolve(bytes);
    else waiting?.reject(asError(error ?? { name: "Error", message: "nothing was read" }));
  }

  /** Notes that bytes which the analyzer asked for are not to be had. What is read ahead is nobody's loss. */
  #give(error: ReadError): Error {
    this.lost ??= error;
    return asError(error);
  }

  cancel(): void {
    this.#analyzer.cancel();
  }

  render(format: "text" | "markdown" | "json" | "html", redact: boolean): string {
    return this.#analyzer[format](redact);
  }

  /** A command that finds what the report was made without runs steps of the analysis again. */
  async command(call: number, line: string): Promise<string> {
    let remade = false;
    const answer = await this.#inTurn(call, (read, tell) =>
      this.#analyzer.command(line, read, (progress) => {
        remade ||= progress.step !== "command";
        tell(progress);
      }),
    );
    if (remade && session === this) {
      const report = JSON.parse(this.render("json", false)) as Report;
      scope.postMessage({ type: "remade", id: this.id, report });
    }
    return answer;
  }

  memory(call: number, place: string, physical: boolean, length: number): Promise<Shown> {
    return this.#inTurn(call, (read, tell) =>
      this.#analyzer.memory(place, physical, length, read, tell),
    );
  }

  code(call: number, place: string): Promise<Listing> {
    return this.#inTurn(call, (read, tell) => this.#analyzer.code(place, read, tell));
  }

  /** Lets the analyzer read machine code. */
  decode(): void {
    this.#analyzer.set_disassembler(disassemble);
  }

  /** Asks the analyzer when it is free, and says how far it is. */
  #inTurn<T>(
    call: number,
    ask: (read: Reads, tell: (progress: Progress) => void) => Promise<T>,
  ): Promise<T> {
    const answer = this.#turn.then(() => {
      if (this.#dropped.delete(call)) throw new Error("stopped before it began");
      this.#asked = call;
      return ask(
        (offset, length) => this.#read(offset, length),
        (progress) => {
          const now = performance.now();
          if (now - this.#said < PROGRESS_EVERY_MS) return;
          this.#said = now;
          scope.postMessage({ type: "told", call, progress });
        },
      );
    });
    this.#turn = answer.then(
      () => this.#done(),
      () => this.#done(),
    );
    return answer;
  }

  #done(): void {
    this.#asked = 0;
  }

  /** Ends one question soon; it is answered with what was read. */
  stop(call: number): void {
    if (this.#asked === call) this.#analyzer.cancel();
    else this.#dropped.add(call);
  }

  close(): void {
    try {
      this.#analyzer.free();
    } catch {
      // Still running: it ends with its next read and is collected.
    }
  }
}

function asError({ name, message }: ReadError): Error {
  return Object.assign(new Error(message), { name });
}

let session: Session | null = null;
/** Whether the module that reads machine code is here. */
let decodes = false;

function fault(
  id: number,
  code: "file-gone" | "read-failed" | "analyzer-stopped" | "not-started",
  message: string,
) {
  scope.postMessage({ type: "fault", id, fault: { code, message } });
}

async function reply(
  call: number,
  make: () => string | Shown | Listing | Promise<string | Shown | Listing>,
): Promise<void> {
  try {
    const made = await make();
    if (typeof made === "string") scope.postMessage({ type: "reply", call, text: made });
    else if ("effects" in made) scope.postMessage({ type: "listing", call, listing: made });
    else scope.postMessage({ type: "shown", call, shown: made });
  } catch (error) {
    scope.postMessage({ type: "refusal", call, message: readError(error).message });
  }
}

/** What the analyzer's second part takes from its first: memory, table, functions. */
let first: WebAssembly.ModuleImports = {};

/** Adds the second part: from here on questions can be answered, not only reports made. */
function addLater(wasm: ArrayBuffer): void {
  new WebAssembly.Instance(new WebAssembly.Module(wasm), { first });
}

/** Takes the module, or the tables that it is ready with. */
function prepare(data: ToWorker & { type: "start" | "knowledge" }): void {
  try {
    if (data.type === "start") {
      first = initSync({ module: data.wasm });
      return;
    }
    install_knowledge(new Uint8Array(data.knowledge));
    scope.postMessage({ type: "ready" });
  } catch (error) {
    fault(0, "not-started", readError(error).message);
  }
}

function open(message: ToWorker & { type: "open" }): void {
  session?.close();
  session = null;
  try {
    const { id, name, size, blob, symbols } = message;
    session = new Session(id, name, size, blob, symbols ?? []);
    void session.run();
  } catch (error) {
    fault(message.id, "analyzer-stopped", readError(error).message);
  }
}

function lookUp(call: number, line: string): void {
  try {
    scope.postMessage({ type: "answers", call, answers: look_up(line) });
  } catch (error) {
    scope.postMessage({ type: "refusal", call, message: readError(error).message });
  }
}

scope.onmessage = ({ data }) => {
  if (data.type === "start" || data.type === "knowledge") return prepare(data);
  if (data.type === "later") return addLater(data.wasm);
  if (data.type === "lookup") return lookUp(data.call, data.line);
  if (data.type === "formats") {
    initFormats({ module: data.wasm });
    return;
  }
  if (data.type === "disasm") {
    initDisasm({ module: data.wasm });
    decodes = true;
    session?.decode();
    return;
  }
  if (data.type === "open") return open(data);
  const current = session;
  if (!current || current.id !== data.id) {
    if ("call" in data && data.type !== "stop")
      void reply(data.call, () => {
        throw new Error("that file is no longer open");
      });
    return;
  }
  if (data.type === "bytes") current.answer(data.read, data.bytes, data.error);
  else if (data.type === "cancel") current.cancel();
  else if (data.type === "stop") current.stop(data.call);
  else if (data.type === "render")
    void reply(data.call, () => current.render(data.format, data.redact));
  else if (data.type === "memory") {
    const { call, place, physical, length } = data;
    void reply(call, () => current.memory(call, place, physical, length));
  } else if (data.type === "code") {
    void reply(data.call, () => current.code(data.call, data.place));
  } else void reply(data.call, () => current.command(data.call, data.line));
};
