// Where bytes come from: a file the user dropped, or anything that can answer a range.

/** Something with a name, a size and readable ranges. */
export interface Source {
  name: string;
  /** Bytes. */
  size: number;
  /** When the file was last written, in milliseconds since 1970, where known. */
  modified?: number;
  /** Where the bytes are, when they are in a file: a worker can then read them itself. */
  blob?: Blob;
  /** Reads in the page. Rejects with the browser's own error. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export function blobSource(blob: Blob, name?: string): Source {
  const file = blob instanceof File ? blob : undefined;
  const source: Source = {
    name: name ?? file?.name ?? "dump",
    size: blob.size,
    blob,
    // An empty slice is never refused, and a file that is gone looks empty: ask for it whole.
    read: async (offset, length) =>
      new Uint8Array(
        await (blob.size === 0 ? blob : blob.slice(offset, offset + length)).arrayBuffer(),
      ),
  };
  if (file) source.modified = file.lastModified;
  return source;
}
