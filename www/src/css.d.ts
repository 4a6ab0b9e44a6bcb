// A style sheet is imported as its text and adopted by a shadow root: the page's policy allows
// no style that is not in the page's own sheet or set through the object model.
declare module "*.css" {
  const text: string;
  export default text;
}
