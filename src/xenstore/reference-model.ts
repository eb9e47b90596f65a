/**
 * A second store, as plain as can be, to compare the real one with in tests: no transactions (they are replayed on it as
 * a whole when the real one says that they committed), nothing shared with the real one.
 */
export type ModelOperation =
  | { readonly kind: 'read' | 'directory' | 'permissions' | 'mkdir' | 'rm'; readonly path: string }
  | { readonly kind: 'write'; readonly path: string; readonly value: string }
  | { readonly kind: 'setPermissions'; readonly path: string; readonly entries: readonly string[] };

interface ModelNode {
  value: string;
  entries: readonly string[];
}

const LETTER_RIGHTS: Readonly<Record<string, string>> = { n: '', r: 'r', w: 'w', b: 'rw' };

export class ReferenceModel {
  private nodes = new Map<string, ModelNode>([
    ['/', { value: '', entries: ['n0'] }],
    ['/tool', { value: '', entries: ['n0'] }],
    ['/tool/xenstored', { value: '', entries: ['n0'] }],
  ]);

  copy(): ReferenceModel {
    const made = new ReferenceModel();
    made.nodes = new Map([...this.nodes].map(([path, node]) => [path, { ...node }]));
    return made;
  }

  /** Everything in it, in one text. */
  dump(): string {
    return [...this.nodes]
      .map(([path, { value, entries }]) => `${path} = ${value} (${entries.join(',')})`)
      .sort()
      .join('\n');
  }

  /** What `domid` is answered: data, OK, or an error's name. */
  apply(domid: number, operation: ModelOperation): string {
    const { kind, path } = operation;
    const needed = kind === 'read' || kind === 'directory' || kind === 'permissions' ? 'r' : kind === 'setPermissions' ? 'wo' : 'w';
    const node = this.nodes.get(path);
    const allowed = node !== undefined && [...needed].every((right) => this.rights(domid, node).includes(right));
    if (!allowed) {
      let above = this.parent(path);
      while (!this.nodes.has(above)) above = this.parent(above);
      const rights = this.rights(domid, this.nodes.get(above) as ModelNode);
      const knows = [...needed].some((right) => rights.includes(right));
      if (!knows) return 'EACCES';
      if (node !== undefined) return 'EACCES';
      if (kind === 'mkdir' || kind === 'write') {
        this.make(domid, path, kind === 'write' ? operation.value : '');
        return 'OK';
      }
      return kind === 'rm' && above === this.parent(path) ? 'OK' : 'ENOENT';
    }
    switch (kind) {
      case 'read':
        return node.value;
      case 'directory':
        return this.children(path).join(' ');
      case 'permissions':
        return node.entries.join(' ');
      case 'mkdir':
        return 'OK';
      case 'write':
        node.value = operation.value;
        return 'OK';
      case 'rm':
        if (path === '/') return 'EINVAL';
        for (const other of [...this.nodes.keys()]) if (other === path || other.startsWith(`${path}/`)) this.nodes.delete(other);
        return 'OK';
      case 'setPermissions':
        if (domid !== 0 && operation.entries[0]?.slice(1) !== node.entries[0]?.slice(1)) return 'EPERM';
        node.entries = operation.entries;
        return 'OK';
    }
  }

  /** What a watch of `domid` on `watched` tells of an operation that was answered OK; `before`: how it was. */
  tells(domid: number, watched: string, operation: ModelOperation, before: ReferenceModel): string[] {
    const { kind, path } = operation;
    const above = (at: string): boolean => at === watched || at.startsWith(watched === '/' ? '/' : `${watched}/`);
    const reads = (node: ModelNode | undefined): boolean => node !== undefined && this.rights(domid, node).includes('r');
    if (kind === 'rm') {
      const gone = [...before.nodes.keys()].filter((at) => at === path || at.startsWith(`${path}/`));
      const hears = (at: string): boolean => (at === path ? above(at) : at === watched);
      return gone.filter((at) => hears(at) && (reads(before.nodes.get(at)) || reads(before.nodes.get(this.parent(at)))));
    }
    const changes = kind === 'write' || kind === 'setPermissions' || (kind === 'mkdir' && !before.nodes.has(path));
    if (!changes || !above(path)) return [];
    const could = kind === 'setPermissions' && reads(before.nodes.get(path));
    return could || reads(this.nodes.get(path)) || reads(this.nodes.get(this.parent(path))) ? [path] : [];
  }

  private rights(domid: number, { entries }: ModelNode): string {
    const [owner = '', ...others] = entries;
    if (domid === 0 || owner.slice(1) === String(domid)) return 'rwo';
    const entry = others.find((each) => each.slice(1) === String(domid)) ?? owner;
    return LETTER_RIGHTS[entry.charAt(0)] ?? '';
  }

  private make(domid: number, path: string, value: string): void {
    const above = this.parent(path);
    if (!this.nodes.has(above)) this.make(domid, above, '');
    const [owner = '', ...others] = (this.nodes.get(above) as ModelNode).entries;
    this.nodes.set(path, { value, entries: [domid === 0 ? owner : `${owner.charAt(0)}${domid}`, ...others] });
  }

  private children(path: string): string[] {
    return [...this.nodes.keys()]
      .filter((other) => other !== '/' && this.parent(other) === path)
      .map((other) => other.slice(other.lastIndexOf('/') + 1))
      .sort();
  }

  private parent(path: string): string {
    return path.slice(0, path.lastIndexOf('/')) || '/';
  }
}
