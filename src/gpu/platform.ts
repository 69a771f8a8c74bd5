import type { HubSettings } from './hub_store.ts';

/** A file read by pieces: on disk under Node, over HTTP in a browser. */
export interface RandomAccess {
  /** The last part of its path, for messages. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** The bytes from `offset` on; fewer than `length` only where the file ends. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A folder whose files are known by name only. */
export interface ModelFolder {
  readonly name: string;
  /** Undefined when there is no such file. */
  open(file: string): Promise<RandomAccess | undefined>;
}

export interface GPUOptions {
  /** Dawn's toggles to switch on, such as `disable_robustness`. Node only: a browser does not let a page choose them. */
  readonly toggles?: readonly string[];
}

/** Small texts that can be made again, kept between runs. */
export interface Cache {
  /** For messages. */
  readonly where: string;
  /** Undefined for what is not there or cannot be read. */
  read(name: string): Promise<string | undefined>;
  /** @throws UserError where nothing can be written */
  write(name: string, text: string): Promise<void>;
}

/**
 * What differs between Node and a browser, and nothing else does. Import it from `#platform`: package.json's "imports"
 * chooses the file.
 */
export interface Platform {
  /** The WebGPU entry point; in Node it also defines the globals that a browser has (`GPUBufferUsage` and so on). */
  createGPU(options?: GPUOptions): Promise<GPU>;
  /** A folder by path or `file:` URL in Node, by URL in a browser (a relative one counts from the origin's root). */
  openFolder(pathOrUrl: string): Promise<ModelFolder>;
  /** @throws UserError when there is no such file or it cannot be read. */
  openFile(pathOrUrl: string): Promise<RandomAccess>;
  /** A whole file. @throws UserError like `openFile`. */
  readFile(pathOrUrl: string): Promise<Uint8Array>;
  /**
   * A model on this machine: a path in Node; in a browser a URL (one that is relative begins with `/` or `.`). Undefined for
   * what is none, such as a name on the Hub.
   */
  openLocalModel(pathOrUrl: string): Promise<ModelFolder | RandomAccess | undefined>;
  /** How files of the Hugging Face Hub are had: in Node as the environment says, in a browser without a token. */
  hubSettings(): HubSettings;
  /** A folder of the user's cache in Node, OPFS in a browser. */
  cache(): Cache;
  /**
   * Waits for the GPU. Under Node, Dawn polls in a loop that keeps a core busy: where the CPU is the GPU (`software`),
   * the main thread sleeps between polls so that the core computes instead.
   */
  patiently<T>(work: Promise<T>, software: boolean): Promise<T>;
  /** Milliseconds from an arbitrary start. */
  now(): number;
  readonly isNode: boolean;
  /** trimtab's own version. */
  readonly version: string;
}
