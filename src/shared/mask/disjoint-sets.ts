/** Union-find with path halving; the older set stays the root. */
export class DisjointSets {
  private readonly parents: number[] = [];

  add(): number {
    return this.parents.push(this.parents.length) - 1;
  }

  find(set: number): number {
    let root = set;
    while (this.parents[root] !== root) {
      this.parents[root] = this.parents[this.parents[root]!]!;
      root = this.parents[root]!;
    }
    return root;
  }

  join(a: number, b: number): void {
    const rootA = this.find(a);
    const rootB = this.find(b);
    this.parents[Math.max(rootA, rootB)] = Math.min(rootA, rootB);
  }
}
