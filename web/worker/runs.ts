/** Runs of training in the page's own storage. */
export class Runs {}
