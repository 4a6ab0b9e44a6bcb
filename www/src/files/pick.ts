// From what the user dropped or chose to a flat list of files. A dropped folder is opened; of
// its files only those that may be dumps are kept, and the rest is counted, not hidden.

/** Files to analyse, and how many others were passed over. */
export interface Picked {
  files: File[];
  passedOver: number;
}

const MAY_BE_A_DUMP = /\.(dmp|mdmp|hdmp|kdmp|core|zip)$/i;
const MOST_FILES = 2000;
const DEEPEST = 8;

interface FileHandle {
  kind: "file" | "directory";
  getFile(): Promise<File>;
  values(): AsyncIterable<FileHandle>;
}
interface HandleItem {
  getAsFileSystemHandle?(): Promise<FileHandle | null>;
}

class Gathering {
  picked: Picked = { files: [], passedOver: 0 };

  /** A file that was named itself is taken whatever it is called; one found in a folder is not. */
  add(file: File, found: boolean): void {
    const wanted = !found || MAY_BE_A_DUMP.test(file.name);
    if (wanted && this.picked.files.length < MOST_FILES) this.picked.files.push(file);
    else this.picked.passedOver++;
  }

  async handle(handle: FileHandle, depth: number): Promise<void> {
    if (handle.kind === "file") return this.add(await handle.getFile(), depth > 0);
    if (depth >= DEEPEST) return;
    for await (const inner of handle.values()) await this.handle(inner, depth + 1);
  }

  async entry(entry: FileSystemEntry, depth: number): Promise<void> {
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) =>
        (entry as FileSystemFileEntry).file(resolve, reject),
      );
      return this.add(file, depth > 0);
    }
    if (depth >= DEEPEST) return;
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    // A reader gives a hundred or so at a time, then an empty list.
    for (;;) {
      const batch = await new Promise<FileSystemEntry[]>((resolve, reject) =>
        reader.readEntries(resolve, reject),
      );
      if (batch.length === 0) return;
      for (const inner of batch) await this.entry(inner, depth + 1);
    }
  }
}

/** The files of a file or folder picker. */
export function fromList(list: Iterable<File>, folder: boolean): Picked {
  const gathering = new Gathering();
  for (const file of list) gathering.add(file, folder);
  return gathering.picked;
}

/**
 * The files of a drop. Everything is asked of the event before the first wait, because its data
 * is gone afterwards. Chromium from file:// refuses the older entry interface for folders but
 * answers with handles, so handles are asked first.
 */
export async function fromDrop(data: DataTransfer): Promise<Picked> {
  const items = [...data.items].filter((item) => item.kind === "file");
  if (items.length === 0) return fromList(data.files, false);
  const asked = items.map((item) => ({
    handle: askHandle(item as HandleItem),
    entry: item.webkitGetAsEntry?.() ?? null,
    file: item.getAsFile(),
  }));
  const gathering = new Gathering();
  for (const { handle, entry, file } of asked) {
    if (await attempt(async () => openHandle(gathering, await handle))) continue;
    if (entry && (await attempt(() => openEntry(gathering, entry)))) continue;
    if (file) gathering.add(file, false);
  }
  return gathering.picked;
}

function askHandle(item: HandleItem): Promise<FileHandle | null> {
  try {
    return (item.getAsFileSystemHandle?.() ?? Promise.resolve(null)).catch(() => null);
  } catch {
    return Promise.resolve(null);
  }
}

/** A plain file is taken as the drop gave it; only a folder needs its handle. */
async function openHandle(gathering: Gathering, handle: FileHandle | null): Promise<boolean> {
  if (handle?.kind !== "directory") return false;
  await gathering.handle(handle, 0);
  return true;
}

async function openEntry(gathering: Gathering, entry: FileSystemEntry): Promise<boolean> {
  if (!entry.isDirectory) return false;
  await gathering.entry(entry, 0);
  return true;
}

async function attempt(open: () => Promise<boolean>): Promise<boolean> {
  try {
    return await open();
  } catch {
    return false;
  }
}
