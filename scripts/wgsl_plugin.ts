import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

const SHADER = /\.wgsl\?raw$/;

/**
 * Blanks that separate nothing. Beside other signs they may: `a / *p` would become a comment, `- -` another operator, and the end
 * of a type before `=` a comparison.
 */
const SPARE_BLANK = / *([,;:+(){}]) *|(?<=[\w)\]]) *(=) */g;

/** For the app: shaders without comments and indentation, a third of their bytes. The library keeps its shaders readable. */
export function wgslPlugin(): Plugin {
  return {
    name: 'trimtab:wgsl',
    apply: 'build',
    enforce: 'pre',
    load(id) {
      if (!SHADER.test(id)) return undefined;
      return `export default ${JSON.stringify(withoutComments(readFileSync(id.replace(/\?.*$/, ''), 'utf8')))}`;
    },
  };
}

/** WGSL has no strings, so two slashes always begin a comment. */
export function withoutComments(wgsl: string): string {
  return wgsl
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .split('\n')
    .map((line) =>
      line
        .replace(/\/\/.*$/, '')
        .trim()
        .replace(SPARE_BLANK, '$1$2'),
    )
    .filter((line) => line !== '')
    .join('\n');
}
