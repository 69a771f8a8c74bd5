import { snappyUncompress } from 'hyparquet';

/** In place of the one in `hyparquet-compressors`, whose dictionary is larger than all the rest of it. */
export function decompressBrotli(): never {
  throw new Error(
    'its pages are compressed with Brotli, which the app does not read, but trimtab on the command line does. ' +
      'Write it again with zstd or gzip, or as JSON lines',
  );
}

/** In place of WebAssembly, which the page's policy would have to allow: what every reader of Parquet has. */
export function snappyUncompressor(): (input: Uint8Array, length: number) => Uint8Array {
  return (input, length) => {
    const output = new Uint8Array(length);
    snappyUncompress(input, output);
    return output;
  };
}

export { snappyUncompress };
