import { useState } from 'preact/hooks';
import { Button } from '../../ui/button.tsx';
import { copyText } from '../../ui/clipboard.ts';
import { type BenchRun, toJsonLines, toMarkdown } from './results.ts';
import { problem, progress, save } from './state.ts';

/** The run for an issue or for a script, and into the page's storage. */
export function CopyButtons({ run }: { readonly run: BenchRun }) {
  const [done, setDone] = useState('');
  const copy = async (what: string, text: string) => {
    const refused = await copyText(text);
    if (refused === undefined) setDone(`${what} copied`);
    else problem.value = refused;
  };
  return (
    <>
      <small role="status">{done}</small>
      <Button small onClick={() => void copy('Markdown', toMarkdown(run))}>
        Copy Markdown
      </Button>
      <Button small onClick={() => void copy('JSON', toJsonLines(run))}>
        Copy JSON
      </Button>
      <Button
        small
        disabled={progress.value !== undefined}
        onClick={() => {
          save(run);
          setDone('Saved');
        }}
      >
        Save
      </Button>
    </>
  );
}
