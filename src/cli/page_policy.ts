/**
 * What the app's page may do. Scripts, workers and styles are its own files; the only other servers are the Hub's, for what
 * the user asks for by name: huggingface.co answers with a redirect to a store of files under hf.co.
 */
const DIRECTIVES: readonly string[] = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "connect-src 'self' https://huggingface.co https://*.huggingface.co https://hf.co https://*.hf.co",
  // Charts have their colours in style attributes.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
];

/** For a <meta> element, so that hosts which set no headers keep to it; frame-ancestors counts only as a header. */
export const PAGE_POLICY: string = DIRECTIVES.join('; ');

/** Headers of every answer of `trimtab serve`. */
export const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': `${PAGE_POLICY}; frame-ancestors 'none'`,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};
