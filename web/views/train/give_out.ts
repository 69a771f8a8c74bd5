import { engine } from '../../app/engine.ts';
import { download } from '../../ui/download.ts';

/** Chrome's and Edge's picker of folders; others have none. */
type PickFolder = (options: { id: string; mode: 'read' | 'readwrite' }) => Promise<FileSystemDirectoryHandle>;
const pickFolder = (globalThis as { showDirectoryPicker?: PickFolder }).showDirectoryPicker?.bind(globalThis);

export const canSaveIntoFolder = pickFolder !== undefined;

/** A folder of this computer to read from; undefined where the browser has no picker. @throws AbortError when it is closed */
export async function pickRunFolder(): Promise<FileSystemDirectoryHandle | undefined> {
  return pickFolder?.({ id: 'trimtab-run', mode: 'read' });
}

/** Writes a run into a folder that the reader picks, as a folder of the run's name. @throws AbortError when the picker is closed */
export async function saveIntoFolder(run: string): Promise<void> {
  const folder = await pickFolder?.({ id: 'trimtab-run', mode: 'readwrite' });
  if (folder) await engine().runs.saveInto(run, folder);
}

/** Gives out a run folder as one archive. */
export async function saveZip(run: string): Promise<void> {
  download(`${run}.zip`, await engine().runs.zip(run));
}

/** Gives out one file of a run. */
export async function saveFile(run: string, file: string): Promise<void> {
  const blob = await engine().runs.file(run, file);
  if (blob) download(file.replace(/^steering\./, `${run}.`), blob);
}
