/** One deliberate fault: where `find` stands in the file, `replace` is loaded. */
export interface Mutation {
  readonly name: string;
  /** Below the project's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Faults that people make: each is the obvious simpler design, or a line that is easily lost. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'base from hub states only',
    file: 'src/domain/merge-base.ts',
    find: "({ revision }) => compareRevisions(revision, theirs) === 'dominated' && isAtMost(revision, ours),",
    replace:
      "({ revision, byHub }) => byHub && compareRevisions(revision, theirs) === 'dominated' && isAtMost(revision, ours),",
  },
  {
    name: 'no publication when the merge equals one side',
    file: 'src/apply/judge-arrivals.ts',
    find: 'draft.outbox.push(merged.outbox);',
    replace:
      'if (merged.row.digest !== digest && merged.row.digest !== read.entities.get(key)!.digest) draft.outbox.push(merged.outbox);',
  },
  {
    name: 'no compare-and-set',
    file: 'tests/fakes/memory-store.ts',
    find: 'if (!asRead) throw',
    replace: 'if (asRead === undefined) throw',
  },
  {
    name: 'seal merged field by field',
    file: 'src/domain/merge-atom.ts',
    find: 'if (merge.front?.seal.holds(atom))',
    replace: 'if (merge.front?.seal.holds(atom) && false)',
  },
  {
    name: 'pruned too far',
    file: 'src/domain/prunable-states.ts',
    find: "newest.every((received) => compareRevisions(revision, received) === 'dominated'),",
    replace: "newest.every((received) => compareRevisions(revision, received) !== 'dominates'),",
  },
  {
    name: 'owner swapped',
    file: 'src/domain/merge-atom.ts',
    find: "merge.owner(atom) === 'provider' ? 'theirs' : 'ours'",
    replace: "merge.owner(atom) === 'provider' ? 'ours' : 'theirs'",
  },
  {
    name: 'concurrent judged as newer',
    file: 'src/domain/judge.ts',
    find: "    case 'concurrent':",
    replace: "    case 'concurrent':\n      return newer(input, stored);",
  },
  {
    name: 'older judged as newer',
    file: 'src/domain/judge.ts',
    find: "    case 'dominated':",
    replace: "    case 'dominated':\n      return newer(input, stored);",
  },
  {
    name: 'event id recorded before the effect',
    file: 'src/apply/apply-batch.ts',
    find: '    await tx.write({ ...judged.plan, ...alongside?.(judged.settled) });',
    replace:
      '  await deps.store.transaction((early) => early.write({ ...judged.plan, entities: [], outbox: [], conflicts: [] }));\n' +
      '  await tx.write({ ...judged.plan, events: [], deliveries: [], quarantined: [], positions: [] });',
  },
  {
    name: 'merged revision without a count of our own',
    file: 'src/domain/merge-base.ts',
    find: 'return nextRevision(joinRevisions(ours, theirs), HUB);',
    replace: 'return joinRevisions(joinRevisions(ours, theirs), nextRevision({}, HUB));',
  },
  {
    name: 'rights judged against the stored state',
    file: 'src/domain/merge-states.ts',
    find: 'const refused = findRefused(input, base, theirs);',
    replace: 'const refused = findRefused(input, ours, theirs);',
  },
  {
    name: 'the losing value is not told',
    file: 'src/domain/merge-atom.ts',
    find: 'if (reason !== undefined) merge.conflicts.push(',
    replace: "if (reason !== undefined && reason !== 'BOTH_CHANGED') merge.conflicts.push(",
  },
  {
    name: 'what was deleted stays deleted',
    file: 'src/domain/merge-atom.ts',
    find: 'if (presence && !baseMissing) {',
    replace: 'if (presence && baseMissing) {',
  },
  {
    name: 'a merged event is not kept',
    file: 'src/apply/judge-arrivals.ts',
    find: "draft.events.push(arrivalRow(arrival, digest, 'merged'));",
    replace: '',
  },
  {
    name: 'changed and changed back is no change',
    file: 'src/domain/atom-versions.ts',
    find: ' || hub.some((state) => !same(state, base))',
    replace: '',
  },
  {
    name: 'outbox row deleted before it is sent',
    file: 'src/relay/relay-batch.ts',
    find: '  const results = await',
    replace:
      '  await deps.outbox.acknowledge(items.map(({ sequence, eventId, topic }) => {\n' +
      "    return { sequence, eventId, topic, partition: 0, offset: 0n, outcome: 'published' as const };\n" +
      '  }));\n  const results = await',
  },
  {
    name: 'a stale form overwrites',
    file: 'src/apply/put-on-top.ts',
    find: '  if (clashing.length === 0) return {',
    replace: '  if (clashing.length >= 0) return {',
  },
  {
    name: 'what the provider lost is not published again',
    file: 'src/pull/ask-provider.ts',
    find: '  const [standing] = await deps.republish(providerId, [{ kind, entityId, revision }]);',
    replace: "  const [standing] = ['in-flight' as const];",
  },
  {
    name: "the provider's status always stands",
    file: 'src/domain/merge-status.ts',
    find: "const stands = follows(ours, theirs) ? 'theirs' : follows(theirs, ours) ? 'ours' : null;",
    replace: "const stands = follows(ours, theirs) ? 'theirs' : follows(theirs, ours) ? 'theirs' : null;",
  },
  {
    name: 'a changed seal is the right of whoever is newer',
    file: 'src/domain/constat/rights.ts',
    find: 'if (stored.seal !== null && seal !== stored.seal) {',
    replace: 'if (stored.seal !== null && seal === null) {',
  },
];
