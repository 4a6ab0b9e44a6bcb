// The page: keeps a clean copy of itself, then starts the element.
import { pristine } from "./pristine";
import { pageAssets } from "./assets";
import { BluepaneAnalyzer } from "./elements/analyzer";
import { Embedding } from "./embedding";
import { watchSaveKey } from "./saving";

const element = document.querySelector("bluepane-analyzer");
BluepaneAnalyzer.assets = pageAssets;
customElements.define("bluepane-analyzer", BluepaneAnalyzer);
if (element instanceof BluepaneAnalyzer) {
  element.toolSource = pristine;
  watchSaveKey(element);
  if (window.parent !== window) element.embedding = new Embedding(window, element);
}
