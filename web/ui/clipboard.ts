/** Puts a text on the clipboard. @returns why it is not there, where the browser did not let the page do so */
export async function copyText(text: string): Promise<string | undefined> {
  try {
    await navigator.clipboard.writeText(text);
    return undefined;
  } catch (error) {
    return `The browser did not let the page copy: ${error instanceof Error ? error.message : String(error)}`;
  }
}
