export { folderStore } from './cli/folder_store.ts';
export * from './index.ts';
