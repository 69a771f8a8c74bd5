import { significant, visible } from './figures.ts';
import { REPORT_STYLE } from './report_style.ts';
import { escapeText } from './svg.ts';

const LOGO =
  '<svg viewBox="0 0 26 26" aria-hidden="true"><rect x="3" y="2" width="11" height="22" rx="3" style="fill:var(--ink)"/><path d="M16.4 12.5 24 15.6 22 23.4 16.4 22Z" style="fill:var(--after)"/></svg>';

/**
 * One HTML page that needs nothing else: no scripts, no fonts, no requests (a content security policy forbids them).
 * `body` is HTML; the other texts are escaped here.
 */
export function htmlPage(page: {
  title: string;
  masthead: string;
  heading: string;
  lede: string;
  body: string;
}): string {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">' +
    `<meta http-equiv="Content-Security-Policy" content="${policy}"><title>${escapeText(page.title)} · trimtab</title><style>${REPORT_STYLE}</style></head><body><main>` +
    `<div class="masthead">${LOGO}<b>trimtab</b><span>${escapeText(page.masthead)}</span></div>` +
    `<h1>${escapeText(page.heading)}</h1><p class="lede">${escapeText(page.lede)}</p>${page.body}</main></body></html>\n`
  );
}

/** A section with a heading and a sentence under it; `body` is HTML. */
export function card(title: string, text: string, body: string): string {
  return `<section class="card"><header><h2>${escapeText(title)}</h2><p>${escapeText(text)}</p></header>${body}</section>`;
}

/** A token in its frame, the stronger its colour the nearer its score is to `top` (of either sign); white space is made visible. */
export function tokenChip({ token, score }: { token: string; score: number }, top: number): string {
  const weight = top !== 0 ? Math.round(5 + Math.max(0, score / top) * 24) : 0;
  const shown = escapeText(visible(token)).replace(/[·↵⇥]/g, (sign) => `<s>${sign}</s>`);
  return `<span class="token" style="--w:${weight}%" title="${significant(score)}">${shown || '<s>∅</s>'}</span>`;
}
