// Reads a file's ranges a round at a time. The analyzer asks for all ranges of a round at once, and
// a read costs a browser about a millisecond however little it is, a slice next to nothing: so a round is
// put together and read as one. Where rounds follow one another through the file, as those of a scan do,
// the next one is read while the analyzer looks at the last.

/** The most bytes that are read as one. */
const TOGETHER = 8 << 20;
/** A round of fewer bytes is no part of a scan; one of so many is, wherever it begins. */
const SCAN = 1 << 20;
const SURELY_SCAN = 4 << 20;
/** What is read ahead at a time, and how far ahead: enough for what the analyzer looks at meanwhile. Reads
 * of this length are about twice as fast as those of 1 MiB. */
const CHUNK = 4 << 20;
const FAR = 12 << 20;

type Read = (offset: number, length: number) => Promise<Uint8Array>;

/** A range that is waited for. */
interface Wanted {
  offset: number;
  length: number;
  resolve(bytes: Uint8Array | Promise<Uint8Array>): void;
}

/** A chunk that is read before anybody asks. */
interface Chunk {
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
  /** One behind the other, without gaps. */
  #ahead: Chunk[] = [];
  /** Where the last round ended. */
  #end = -1;

  /** `alone` reads one range, and knows what to do when that fails. `elsewhere` reads one where the
   * analyzer does not keep it waiting: in the page. */
  constructor(
    readonly blob: Blob,
    readonly alone: Read,
    readonly elsewhere: Read,
  ) {}

  read(offset: number, length: number): Promise<Uint8Array> {
    if (this.#round.length === 0) queueMicrotask(() => this.#start());
    return new Promise((resolve) => this.#round.push({ offset, length, resolve }));
  }

  #start(): void {
    const round = this.#round.splice(0);
    const breathing = this.#ahead.length > 0 ? breath() : Promise.resolve();
    const rest: Wanted[] = [];
    for (const range of round) {
      const part = this.#part(range, breathing);
      if (part) range.resolve(part);
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

  /** Keeps reading what follows a round that is part of a scan; forgets what is behind it. */
  #goOn(round: readonly Wanted[]): void {
    const [first, last] = [round[0], round.at(-1)];
    if (!first || !last) return;
    const end = last.offset + last.length;
    const bytes = round.reduce((sum, { length }) => sum + length, 0);
    const near = first.offset >= this.#end && first.offset - this.#end <= bytes;
    const dense = bytes >= SCAN && end - first.offset <= 2 * bytes;
    const scan = dense && (near || bytes >= SURELY_SCAN);
    const begun = (this.#ahead[0]?.from ?? end) <= end;
    this.#ahead = scan && begun ? this.#ahead.filter(({ to }) => to > end) : [];
    for (let from = this.#ahead.at(-1)?.to ?? end; scan && from < end + FAR; from += CHUNK) {
      const to = Math.min(from + CHUNK, this.blob.size);
      if (from >= to) break;
      const bytes = this.elsewhere(from, to - from).catch(() => null);
      this.#ahead.push({ from, to, bytes });
    }
    this.#end = end;
  }

  /** A range that is read ahead, once the worker has taken breath; nothing when it is not. */
  #part({ offset, length }: Wanted, breathing: Promise<void>): Promise<Uint8Array> | null {
    const end = offset + length;
    const chunks = this.#ahead.filter(({ from, to }) => from < end && offset < to);
    const [first, last] = [chunks[0], chunks.at(-1)];
    if (!first || !last || offset < first.from || end > last.to) return null;
    const put = async (): Promise<Uint8Array> => {
      await breathing;
      const all = await Promise.all(chunks.map(({ bytes }) => bytes));
      const [one] = all;
      if (one && all.length === 1) return one.subarray(offset - first.from, end - first.from);
      const joined = new Uint8Array(length);
      for (const [i, { from, to }] of chunks.entries()) {
        const bytes = all[i];
        if (!bytes) return this.alone(offset, length);
        const part = bytes.subarray(Math.max(offset - from, 0), Math.min(end, to) - from);
        joined.set(part, Math.max(from - offset, 0));
      }
      return joined;
    };
    return put();
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
