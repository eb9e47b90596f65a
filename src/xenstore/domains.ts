/** What the store asks about domains (of the hypervisor, by way of whoever made the store). */
export interface DomainList {
  /** Undefined: there is no such domain. */
  find(domid: number): { readonly shutdown: boolean; readonly dying: boolean } | undefined;
}

/** What the store knows about one domain: made when the domain is first named, dropped when it is gone. */
export interface DomainRecord {
  readonly domid: number;
  /** INTRODUCE came, and neither RELEASE nor the domain's end since. */
  introduced: boolean;
  /** Its shutdown has been told to watchers of @releaseDomain. */
  shutdown: boolean;
  /** What INTRODUCE said: the guest frame of the page and the guest's port. */
  gfn: number;
  port: number;
  /** Nodes it owns in the store (transactions not counted). */
  nodes: number;
  /** Bytes of these nodes with their paths. */
  memory: number;
  /** It has been logged that it holds more than the soft limit. */
  warned: boolean;
}

/** Records of the domains that own nodes, stand in permissions or are introduced. */
export class DomainRecords {
  private readonly records = new Map<number, DomainRecord>();
  readonly list: DomainList;

  constructor(list: DomainList) {
    this.list = list;
  }

  get(domid: number): DomainRecord | undefined {
    return this.records.get(domid);
  }

  /** The record, made when the domain exists; undefined when there is no such domain. Domain 0 always exists. */
  find(domid: number): DomainRecord | undefined {
    const known = this.records.get(domid);
    if (known !== undefined) return known;
    return domid === 0 || (domid > 0 && this.list.find(domid) !== undefined) ? this.make(domid) : undefined;
  }

  /** Make a record without asking whether the domain exists. */
  make(domid: number): DomainRecord {
    const made: DomainRecord = { domid, introduced: false, shutdown: false, gfn: 0, port: 0, nodes: 0, memory: 0, warned: false };
    this.records.set(domid, made);
    return made;
  }

  delete(domid: number): void {
    this.records.delete(domid);
  }

  /** What the domain list says now. */
  state(domid: number): ReturnType<DomainList['find']> {
    return this.list.find(domid);
  }

  /** In the order in which they were made. */
  all(): DomainRecord[] {
    return [...this.records.values()];
  }
}
