// Values by path ('a/b/c', '' is the root), as a tree: what lies below a folder is found without looking at the rest.

interface Node<T> {
  value: T | undefined;
  readonly children: Map<string, Node<T>>;
}

export class PathTree<T extends object> {
  #root: Node<T> = makeNode();

  get(path: string): T | undefined {
    return this.#find(path)?.value;
  }

  set(path: string, value: T): void {
    let node = this.#root;
    for (const name of namesOf(path)) {
      let child = node.children.get(name);
      if (child === undefined) {
        child = makeNode();
        node.children.set(name, child);
      }
      node = child;
    }
    node.value = value;
  }

  /** What is below stays. */
  delete(path: string): boolean {
    const names = namesOf(path);
    const trail = [this.#root];
    for (const name of names) {
      const child = trail.at(-1)?.children.get(name);
      if (child === undefined) return false;
      trail.push(child);
    }
    const node = trail.at(-1);
    if (node?.value === undefined) return false;
    node.value = undefined;
    // Branches that hold nothing any more go too.
    for (let depth = names.length; depth > 0; depth--) {
      const { value, children } = trail[depth] ?? makeNode<T>();
      if (value !== undefined || children.size > 0) break;
      trail[depth - 1]?.children.delete(names[depth - 1] ?? '');
    }
    return true;
  }

  hasBelow(folder: string): boolean {
    return (this.#find(folder)?.children.size ?? 0) > 0;
  }

  /** What is in a folder and in those below it; the tree may be changed meanwhile. */
  *below(folder: string): Generator<readonly [path: string, value: T]> {
    const node = this.#find(folder);
    if (node !== undefined) yield* walk(node, folder);
  }

  clear(): void {
    this.#root = makeNode();
  }

  #find(path: string): Node<T> | undefined {
    let node: Node<T> | undefined = this.#root;
    for (const name of namesOf(path)) {
      node = node.children.get(name);
      if (node === undefined) return undefined;
    }
    return node;
  }
}

function* walk<T>(node: Node<T>, path: string): Generator<readonly [string, T]> {
  for (const [name, child] of node.children) {
    const childPath = path === '' ? name : `${path}/${name}`;
    if (child.value !== undefined) yield [childPath, child.value];
    if (child.children.size > 0) yield* walk(child, childPath);
  }
}

function makeNode<T>(): Node<T> {
  return { value: undefined, children: new Map() };
}

function namesOf(path: string): readonly string[] {
  return path === '' ? [] : path.split('/');
}
