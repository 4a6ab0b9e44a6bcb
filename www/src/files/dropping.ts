// Dragging files over an element and dropping them. `dragenter` and `dragleave` fire for every
// element inside and cannot be paired across shadow roots; `dragover` repeats while the pointer
// is there, so its silence is what ends the state.

const SILENCE_MS = 700;

/** Watches `target`; returns what ends the watching. */
export function watchDrops(
  target: EventTarget,
  over: (on: boolean) => void,
  dropped: (data: DataTransfer) => void,
): () => void {
  let timer = 0;
  const end = (): void => {
    window.clearTimeout(timer);
    timer = 0;
    over(false);
  };
  const onOver = (event: Event): void => {
    const data = (event as DragEvent).dataTransfer;
    if (!data || !data.types.includes("Files")) return;
    event.preventDefault();
    data.dropEffect = "copy";
    if (timer === 0) over(true);
    window.clearTimeout(timer);
    timer = window.setTimeout(end, SILENCE_MS);
  };
  const onDrop = (event: Event): void => {
    const data = (event as DragEvent).dataTransfer;
    if (!data || !data.types.includes("Files")) return;
    // Without this the browser leaves the page and opens the file.
    event.preventDefault();
    end();
    dropped(data);
  };
  target.addEventListener("dragover", onOver);
  target.addEventListener("drop", onDrop);
  return () => {
    window.clearTimeout(timer);
    target.removeEventListener("dragover", onOver);
    target.removeEventListener("drop", onDrop);
  };
}
