import type { XsdError } from '../../spec/xen/io/xs-wire.ts';
import type { DomainRecords } from '../domains.ts';
import { EMPTY_VALUE, NO_CHILDREN, type Node, type NodeContent, nodeSize } from './node.ts';
import { childPath } from './path.ts';
import { PERMISSIONS_OF_DOMAIN_0, withoutDomain } from './permissions.ts';
import type { Found, View } from './view.ts';

/** Every node by its path, with what each owner has in it. */
export class Tree implements View {
  private readonly nodes = new Map<string, Node>();
  private readonly domains: DomainRecords;
  private last = 0;

  constructor(domains: DomainRecords) {
    this.domains = domains;
  }

  /** The nodes that a fresh store has. */
  plant(): void {
    const bare = { value: EMPTY_VALUE, children: NO_CHILDREN, permissions: PERMISSIONS_OF_DOMAIN_0 };
    this.domains.find(0);
    this.put('/', { ...bare, children: new Set(['tool']) });
    this.put('/tool', { ...bare, children: new Set(['xenstored']) });
    this.put('/tool/xenstored', bare);
  }

  /** The generation of the latest write. */
  get generation(): number {
    return this.last;
  }

  /** A number never given before. */
  nextGeneration(): number {
    return ++this.last;
  }

  get(path: string): Found {
    return this.nodes.get(path) ?? 'ENOENT';
  }

  put(path: string, content: NodeContent): XsdError | undefined {
    const owner = this.domains.find(content.permissions[0].domid);
    if (owner === undefined) return 'ENOMEM';
    this.account(path, this.nodes.get(path), -1);
    const node: Node = { value: content.value, children: content.children, permissions: content.permissions, generation: this.nextGeneration() };
    this.nodes.set(path, node);
    this.account(path, node, 1);
    return undefined;
  }

  delete(path: string): undefined {
    this.account(path, this.nodes.get(path), -1);
    this.nodes.delete(path);
  }

  /** Put a node back as it was frozen. */
  restore(path: string, node: Node): void {
    this.nodes.set(path, node);
    this.account(path, node, 1);
  }

  restoreGeneration(generation: number): void {
    this.last = generation;
  }

  /** Every node, in the order in which paths were first made. */
  entries(): IterableIterator<[path: string, node: Node]> {
    return this.nodes.entries();
  }

  get size(): number {
    return this.nodes.size;
  }

  /** Mark what permissions say about a domain that has gone. */
  forgetDomain(domid: number): void {
    for (const [path, node] of this.nodes) {
      const permissions = withoutDomain(node.permissions, domid);
      if (permissions !== node.permissions) this.nodes.set(path, { ...node, permissions });
    }
  }

  /** What is inconsistent, in words; nothing is, unless we have a bug. */
  check(): string[] {
    const wrong: string[] = [];
    const counted = new Map<number, { nodes: number; memory: number }>();
    const reached = new Set<string>(['/']);
    const pending = ['/'];
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      const node = this.nodes.get(path);
      if (node === undefined) {
        wrong.push(`${path} is listed by its parent and is not there`);
        continue;
      }
      const owner = node.permissions[0].domid;
      const sum = counted.get(owner) ?? { nodes: 0, memory: 0 };
      counted.set(owner, { nodes: sum.nodes + 1, memory: sum.memory + path.length + nodeSize(node) });
      for (const name of node.children) {
        const child = childPath(path, name);
        reached.add(child);
        pending.push(child);
      }
    }
    for (const path of this.nodes.keys()) if (!reached.has(path)) wrong.push(`${path} is not listed by its parent`);
    for (const { domid, nodes, memory } of this.domains.all()) {
      const sum = counted.get(domid) ?? { nodes: 0, memory: 0 };
      if (sum.nodes !== nodes || sum.memory !== memory)
        wrong.push(`domain ${domid} is charged ${nodes} nodes and ${memory} bytes and has ${sum.nodes} and ${sum.memory}`);
      counted.delete(domid);
    }
    for (const domid of counted.keys()) wrong.push(`domain ${domid} owns nodes and is not known`);
    return wrong;
  }

  private account(path: string, node: Node | undefined, sign: 1 | -1): void {
    if (node === undefined) return;
    const owner = this.domains.get(node.permissions[0].domid);
    if (owner === undefined) return;
    owner.nodes += sign;
    owner.memory += sign * (path.length + nodeSize(node));
  }
}
