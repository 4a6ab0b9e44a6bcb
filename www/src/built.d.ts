// What the build provides under names of its own (www/build/bundle.mjs).
declare module "bluepane:worker" {
  /** The worker's script. It stands inside the page's script, so the policy's hash covers it. */
  const text: string;
  export default text;
}
