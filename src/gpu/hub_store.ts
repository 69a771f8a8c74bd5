import type { RandomAccess } from './platform.ts';

/** A file of a repository on the Hugging Face Hub. */
export interface HubEntry {
  /** Within the repository, such as `tokenizer.json`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** The Hub's ETag: SHA-256 of a large file, git's id of a small one. The same content has the same one everywhere. */
  readonly etag: string;
}

/**
 * Where files of the Hub are kept. Repositories go by the name of their folder, `models--Qwen--Qwen2.5-0.5B`; a branch or
 * tag is remembered as the commit that it was, and files belong to a commit.
 */
export interface HubStore {
  /** For messages: a folder, or what stands for one in a browser. */
  readonly where: string;
  /** The commit that a branch or tag was when the Hub was last asked. */
  commitOf(repo: string, revision: string): Promise<string | undefined>;
  remember(repo: string, revision: string, commit: string): Promise<void>;
  /** Paths of the files of a commit that are there, whole. */
  list(repo: string, commit: string): Promise<string[]>;
  open(repo: string, commit: string, path: string): Promise<RandomAccess | undefined>;
  /**
   * Puts a file there. Bytes of an earlier attempt are kept and only the rest is read; what was read before `read`'s
   * stream broke stays for the next one. A file whose content is there already is not read at all.
   *
   * @param read the bytes from an offset on
   * @throws what the stream throws; UserError where the content is not what `entry` says, or nothing can be written
   */
  add(
    repo: string,
    commit: string,
    entry: HubEntry,
    read: (offset: number) => Promise<ReadableStream<Uint8Array>>,
  ): Promise<void>;
}

/** How the Hub is asked on this machine. */
export interface HubSettings {
  readonly store: HubStore;
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token?: string;
  /** No connection: only what the store has. */
  readonly offline: boolean;
}
