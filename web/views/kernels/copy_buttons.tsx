import { useState } from 'preact/hooks';
import { Button } from '../../ui/button.tsx';
import { type BenchRun, toJsonLines, toMarkdown } from './results.ts';
import { problem, progress, save } from './state.ts';

/** The run for an issue or for a script, and into the page's storage. */
export function CopyButtons({ run }: { readonly run: BenchRun }) {
  const [done, setDone] = useState('');
  const copy = async (what: string, text: string) => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(`${what} copied`);
    } catch (error) {
      problem.value = `The browser did not let the page copy: ${error instanceof Error ? error.message : String(error)}`;
    }
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
