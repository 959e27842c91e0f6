import { describe, expect, it } from 'vitest';
import { alignPosition, type Alignment, type AlignmentInput } from '../../../src/consume/align-position.ts';

const at = (next: bigint, topicId = 'T1') => ({ next, topicId });
const batch = (input: Partial<AlignmentInput>): AlignmentInput => ({
  applied: at(100n),
  topicId: 'T1',
  fetchedFrom: 100n,
  highWatermark: 500n,
  earliest: 0n,
  sought: null,
  ...input,
});

const scenarios: readonly [story: string, input: AlignmentInput, expected: Alignment][] = [
  ['1. the batch continues what was applied', batch({}), { action: 'apply' }],
  [
    '2. nothing was ever applied and the log starts here',
    batch({ applied: null, fetchedFrom: 0n }),
    { action: 'apply' },
  ],
  [
    '3. our database is empty but the group has read on: everything is read again',
    batch({ applied: null, fetchedFrom: 70n }),
    { action: 'seek', to: 0n },
  ],
  [
    '4. the oldest records are gone before the first start: the log starts where it starts',
    batch({ applied: null, fetchedFrom: 40n, earliest: 40n }),
    { action: 'apply' },
  ],
  [
    '5. killed between database commit and offset commit: what is applied is skipped over',
    batch({ fetchedFrom: 80n }),
    { action: 'seek', to: 100n },
  ],
  [
    '6. the database was restored and the group is ahead: back to what the database knows',
    batch({ fetchedFrom: 200n }),
    { action: 'seek', to: 100n },
  ],
  [
    '7. after that seek Kafka still starts later: transaction markers or compacted records lie between',
    batch({ fetchedFrom: 103n, sought: 100n }),
    { action: 'apply' },
  ],
  [
    '8. retention overtook us: the hole is reported, not hidden',
    batch({ fetchedFrom: 150n, earliest: 150n }),
    { action: 'lost', from: 100n, to: 150n },
  ],
  [
    '9. retention overtook us and the group is further still: what is left is read first',
    batch({ fetchedFrom: 300n, earliest: 150n }),
    { action: 'seek', to: 150n },
  ],
  [
    '10. the topic was deleted and created again: its records are new, whatever their offsets',
    batch({ applied: at(100n, 'T0'), fetchedFrom: 0n }),
    { action: 'rewound' },
  ],
  [
    '11. created again and the reader starts in its middle: from its beginning',
    batch({ applied: at(100n, 'T0'), fetchedFrom: 100n }),
    { action: 'seek', to: 0n },
  ],
  [
    '12. the log ends before what was applied (an unclean leader election): what comes is judged by its event ids',
    batch({ fetchedFrom: 60n, highWatermark: 90n }),
    { action: 'rewound' },
  ],
];

describe('alignPosition', () => {
  it.each(scenarios)('%s', (_story, input, expected) => {
    expect(alignPosition(input)).toEqual(expected);
  });
});
