/** The properties of every view: the rest of the address. */
export interface ViewProps {
  /** The parts of the path after the name of the view. */
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}
