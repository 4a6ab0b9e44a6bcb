/** The analyzer's worker: gets the compiled core from the page and says its version. */
import { initSync, version } from "../../pkg/bluepane";

self.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
  initSync({ module: data });
  self.postMessage(version());
};
