// Reads a file's ranges a round at a time. The analyzer asks for all ranges of a round at once, and
// a read costs a browser about a millisecond however little it is, a slice next to nothing: so a round is
// put together and read as one. Where rounds follow one another through the file, as those of a scan do,
// the next one is read while the analyzer looks at the last.

/** The most bytes that are read as one, or ahead. */
const TOGETHER = 8 << 20;
/** A round of fewer bytes is no part of a scan. */
const SCAN = 1 << 20;

/** A range that is waited for. */
interface Wanted {
  offset: number;
  length: number;
  resolve(bytes: Uint8Array | Promise<Uint8Array>): void;
}

/** What is read before anybody asks. */
interface Ahead {
  from: number;
  to: number;
  /** Nothing when it could not be read. */
  bytes: Promise<Uint8Array | null>;
}

const { port1, port2 } = new MessageChannel();

/** Lets the worker hear what was said to it meanwhile: without this a scan whose bytes are always there
 * already would not hear that it is to stop. */
function breath(): Promise<void> {
  return new Promise((resolve) => {
    port2.onmessage = () => resolve();
    port1.postMessage(null);
  });
}

async function bytesOf(blob: Blob): Promise<Uint8Array | null> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch {
    return null;
  }
}

export class Rounds {
  #round: Wanted[] = [];
  #ahead: Ahead | null = null;
  /** Where the last round ended. */
  #end = -1;

  /** `alone` reads one range, and knows what to do when that fails. */
  constructor(
    readonly blob: Blob,
    readonly alone: (offset: number, length: number) => Promise<Uint8Array>,
  ) {}

  read(offset: number, length: number): Promise<Uint8Array> {
    if (this.#round.length === 0) queueMicrotask(() => this.#start());
    return new Promise((resolve) => this.#round.push({ offset, length, resolve }));
  }

  #start(): void {
    const round = this.#round.splice(0);
    const ahead = this.#ahead;
    this.#ahead = null;
    if (ahead) {
      const { bytes } = ahead;
      ahead.bytes = breath().then(() => bytes);
    }
    const rest: Wanted[] = [];
    for (const range of round) {
      const inside = ahead && range.offset >= ahead.from && range.offset + range.length <= ahead.to;
      if (inside) range.resolve(this.#part(ahead, range));
      else rest.push(range);
    }
    let batch: Wanted[] = [];
    let bytes = 0;
    for (const range of rest) {
      if (bytes + range.length > TOGETHER && batch.length > 0) {
        void this.#together(batch);
        [batch, bytes] = [[], 0];
      }
      batch.push(range);
      bytes += range.length;
    }
    if (batch.length > 0) void this.#together(batch);
    this.#goOn(round);
  }

  /** Begins to read what follows a round that itself followed the one before. */
  #goOn(round: readonly Wanted[]): void {
    const [first, last] = [round[0], round.at(-1)];
    if (!first || !last) return;
    const end = last.offset + last.length;
    const bytes = round.reduce((sum, { length }) => sum + length, 0);
    const follows = first.offset >= this.#end && first.offset - this.#end <= bytes;
    const dense = bytes >= SCAN && end - first.offset <= 2 * bytes;
    if (follows && dense) {
      const to = Math.min(end + Math.min(end - first.offset, TOGETHER), this.blob.size);
      this.#ahead = { from: end, to, bytes: bytesOf(this.blob.slice(end, to)) };
    }
    this.#end = end;
  }

  async #part(ahead: Ahead, { offset, length }: Wanted): Promise<Uint8Array> {
    const bytes = await ahead.bytes;
    const at = offset - ahead.from;
    return bytes ? bytes.subarray(at, at + length) : this.alone(offset, length);
  }

  async #together(ranges: readonly Wanted[]): Promise<void> {
    const slices = ranges.map(({ offset, length }) => this.blob.slice(offset, offset + length));
    // One range alone says best what is wrong with it; and so do several of which one cannot be read.
    const all = ranges.length > 1 ? await bytesOf(new Blob(slices)) : null;
    let at = 0;
    for (const [i, { offset, length, resolve }] of ranges.entries()) {
      const size = slices[i]?.size ?? 0;
      resolve(all ? all.subarray(at, at + size) : this.alone(offset, length));
      at += size;
    }
  }
}
