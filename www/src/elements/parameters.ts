// The parameters of a stop code as rows of a table: number, value, meaning, and what the value is in
// this very case.
import { type TemplateResult, html, nothing } from "lit";

interface Parameter<Value> {
  value?: Value;
  meaning?: string;
  decoded?: string;
}

/** `show` draws a value, which is absent where only the meaning is asked about. */
export function parameterRows<Value>(
  list: Parameter<Value>[],
  show: (value: Value | undefined) => unknown,
): TemplateResult[] {
  return list.map(
    ({ value, meaning, decoded }, index) =>
      html`<tr data-mark="parameter ${index + 1}">
        <th scope="row" class="n">${index + 1}</th>
        <td class="value">${show(value)}</td>
        <td>
          ${meaning || html`<span class="muted">no meaning is documented</span>`}
          ${decoded ? html`<div class="decoded">${decoded}</div>` : nothing}
        </td>
      </tr>`,
  );
}
