import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

const SHADER = /\.wgsl\?raw$/;

/** Blanks beside these separate nothing; beside a minus they may: `a - -b`. */
const SPARE_BLANK = / *([,;:=+*/<>&|(){}]) */g;

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
        .replace(SPARE_BLANK, '$1'),
    )
    .filter((line) => line !== '')
    .join('\n');
}
