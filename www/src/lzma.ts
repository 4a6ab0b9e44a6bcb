// Opens LZMA, in which the page carries most of its parts: a fifth smaller than gzip, which has no
// memory for what stands further back than 32 KiB. Every browser opens gzip by itself, none LZMA.
//
// The format: Igor Pavlov's "LZMA specification" (public domain), the `.lzma` file with its header
// of 13 bytes and its length known. What is read here was written by the page's own build.

/** Chances, of 2048, that the next bit is 0. */
type Chances = Uint16Array;

const even = (count: number): Chances => new Uint16Array(count).fill(1024);

/** Bits out of the stream of a range coder. */
class Bits {
  #range = 0xffffffff;
  #code = 0;
  #at = 18;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    // The first of the five bytes is always 0.
    for (let i = 14; i < 18; i++) this.#code = ((this.#code << 8) | bytes[i]!) >>> 0;
  }

  #refill(): void {
    if (this.#range >>> 24) return;
    this.#range = (this.#range << 8) >>> 0;
    this.#code = ((this.#code << 8) | this.#bytes[this.#at++]!) >>> 0;
  }

  bit(chances: Chances, index: number): number {
    const chance = chances[index]!;
    const bound = (this.#range >>> 11) * chance;
    if (this.#code < bound) {
      this.#range = bound;
      chances[index] = chance + ((2048 - chance) >> 5);
      this.#refill();
      return 0;
    }
    this.#range -= bound;
    this.#code -= bound;
    chances[index] = chance - (chance >> 5);
    this.#refill();
    return 1;
  }

  /** A number of so many bits that are as often 0 as 1. */
  plain(count: number): number {
    let value = 0;
    for (; count; count--) {
      this.#range >>>= 1;
      const bit = this.#code < this.#range ? 0 : 1;
      if (bit) this.#code -= this.#range;
      value = value * 2 + bit;
      this.#refill();
    }
    return value;
  }

  /** A number of so many bits, the highest first. */
  tree(chances: Chances, base: number, count: number): number {
    let node = 1;
    for (let i = 0; i < count; i++) node = node * 2 + this.bit(chances, base + node);
    return node - (1 << count);
  }

  /** A number of so many bits, the lowest first. */
  backwards(chances: Chances, base: number, count: number): number {
    let [node, value] = [1, 0];
    for (let i = 0; i < count; i++) {
      const bit = this.bit(chances, base + node);
      node = node * 2 + bit;
      value |= bit << i;
    }
    return value;
  }
}

/** How long what is repeated is, less two. */
class Lengths {
  readonly #choice = even(2);
  readonly #low = even(16 * 8);
  readonly #middle = even(16 * 8);
  readonly #high = even(256);

  next(bits: Bits, place: number): number {
    if (!bits.bit(this.#choice, 0)) return bits.tree(this.#low, place * 8, 3);
    if (!bits.bit(this.#choice, 1)) return 8 + bits.tree(this.#middle, place * 8, 3);
    return 16 + bits.tree(this.#high, 0, 8);
  }
}

/** How far back what is repeated stands, less one. */
class Distances {
  readonly #slots = even(4 * 64);
  readonly #middle = even(128);
  readonly #align = even(16);

  next(bits: Bits, length: number): number {
    const slot = bits.tree(this.#slots, Math.min(length, 3) * 64, 6);
    if (slot < 4) return slot;
    const count = (slot >> 1) - 1;
    const begin = (2 | (slot & 1)) * 2 ** count;
    if (slot < 14) return begin + bits.backwards(this.#middle, begin - slot, count);
    return begin + bits.plain(count - 4) * 16 + bits.backwards(this.#align, 0, 4);
  }
}

/** The bytes that `packed`, a whole `.lzma` file, holds. */
export function unpackLzma(packed: Uint8Array): Uint8Array {
  const view = new DataView(packed.buffer, packed.byteOffset);
  const properties = packed[0]!;
  const literalContext = properties % 9;
  const literalPlace = (1 << (Math.floor(properties / 9) % 5)) - 1;
  const places = (1 << Math.floor(properties / 45)) - 1;

  const out = new Uint8Array(view.getUint32(5, true));
  const bits = new Bits(packed);
  const literals = even(0x300 << (literalContext + (Math.floor(properties / 9) % 5)));
  const [isMatch, isNear, isShort] = [even(192), even(12), even(192)];
  const [isOlder, isOldest, isEldest] = [even(12), even(12), even(12)];
  const [matchLengths, nearLengths, distances] = [new Lengths(), new Lengths(), new Distances()];
  let [near0, near1, near2, near3] = [0, 0, 0, 0];
  let state = 0;
  let at = 0;

  const literal = (): void => {
    const before = at ? out[at - 1]! : 0;
    const context = ((at & literalPlace) << literalContext) + (before >> (8 - literalContext));
    const base = 0x300 * context;
    let node = 1;
    if (state >= 7) {
      let expected = out[at - near0 - 1]!;
      while (node < 256) {
        const wanted = (expected >> 7) & 1;
        expected <<= 1;
        const bit = bits.bit(literals, base + ((1 + wanted) << 8) + node);
        node = node * 2 + bit;
        if (bit !== wanted) break;
      }
    }
    while (node < 256) node = node * 2 + bits.bit(literals, base + node);
    out[at++] = node;
    state = state < 4 ? 0 : state - (state < 10 ? 3 : 6);
  };

  /** One of the four last distances again, which becomes the last; its length. */
  const again = (place: number): number => {
    if (!bits.bit(isOlder, state)) {
      if (!bits.bit(isShort, state * 16 + place)) {
        state = state < 7 ? 9 : 11;
        return 1;
      }
    } else {
      let distance = near1;
      if (bits.bit(isOldest, state)) {
        distance = near2;
        if (bits.bit(isEldest, state)) [distance, near3] = [near3, near2];
        near2 = near1;
      }
      [near1, near0] = [near0, distance];
    }
    state = state < 7 ? 8 : 11;
    return 2 + nearLengths.next(bits, place);
  };

  while (at < out.length) {
    const place = at & places;
    if (!bits.bit(isMatch, state * 16 + place)) {
      literal();
      continue;
    }
    let length;
    if (bits.bit(isNear, state)) {
      length = again(place);
    } else {
      [near3, near2, near1] = [near2, near1, near0];
      length = matchLengths.next(bits, place);
      near0 = distances.next(bits, length);
      length += 2;
      state = state < 7 ? 7 : 10;
    }
    if (near0 >= at) throw new Error("a part of this copy of the page is damaged");
    for (const end = Math.min(at + length, out.length); at < end; at++)
      out[at] = out[at - near0 - 1]!;
  }
  return out;
}
