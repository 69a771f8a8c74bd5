import { UserError } from '../gpu/errors.ts';
import { blobFile, type ModelFolder, type RandomAccess } from './files.ts';

/** What a page's user may pick: by `showDirectoryPicker`, `showOpenFilePicker`, an `<input type="file">`, or a drop. */
export type Picked = FileSystemDirectoryHandle | FileSystemFileHandle | File | readonly File[];

/** The model in a picked folder (its files have their plain names) or .gguf file. @throws UserError where nothing was picked */
export async function openPicked(picked: Picked): Promise<ModelFolder | RandomAccess> {
  if (picked instanceof File) return blobFile(picked);
  if (picked instanceof FileSystemFileHandle) return blobFile(await picked.getFile());
  if (picked instanceof FileSystemDirectoryHandle) {
    return {
      name: picked.name,
      open: async (name) => {
        const handle = await picked.getFileHandle(name).catch((error: DOMException) => {
          if (error.name === 'NotFoundError') return undefined;
          throw new UserError(`${picked.name}/${name} cannot be opened: ${error.message}`);
        });
        return handle && blobFile(await handle.getFile());
      },
    };
  }
  const [first] = picked;
  if (!first) throw new UserError('No file was picked: pick a model folder or a .gguf file.');
  if (picked.length === 1 && /\.gguf$/i.test(first.name)) return blobFile(first);
  const files = new Map(picked.map((file) => [file.name, file]));
  return {
    // An <input webkitdirectory> gives paths such as `model/config.json`.
    name: first.webkitRelativePath.split('/')[0] || 'the picked files',
    open: async (name) => {
      const file = files.get(name);
      return file && blobFile(file);
    },
  };
}
