import { formatCount } from './format.ts';
import { stepsOf, type Rule } from './partition-view.ts';
import { persists } from './persistence.ts';
import { unsettledFrom, type PartitionSample } from './sample.ts';

export const leaderless: Rule = ({ place, samples, was, nowMs, t }) => {
  const gone = (sample: PartitionSample) => sample.log === null;
  const limits = { enterMs: t.leaderlessAfterMs, leaveMs: 0, nowMs };
  return persists(samples, gone, was === 'LEADERLESS', limits)
    ? {
        verdict: 'LEADERLESS',
        cause: `Nobody can read ${place}: no broker leads it, its leader does not answer, or the topic is missing.`,
        next: 'bridge doctor',
      }
    : null;
};

export const retentionLoss: Rule = ({ place, last, nowMs, t }) => {
  const { log, position, incident } = last;
  const ahead = log !== null && unsettledFrom(position, log).anomaly === 'lost';
  const shown = incident?.kind === 'lost' && nowMs - incident.atMs < t.lossShownMs;
  if (!ahead && !shown) return null;
  const [from, to] = ahead ? [position!.next, log.start] : [incident!.from, incident!.to];
  return {
    verdict: 'RETENTION_LOSS',
    cause: `Data was lost to retention: ${place} from offset ${from} to ${to} (${formatCount(to - from, 'record')}) was deleted before it was read.`,
    next: 'bridge doctor',
  };
};

export const pausedDatabase: Rule = ({ samples, last, was, nowMs, t }) => {
  const away = ({ database, obstacle }: PartitionSample) =>
    !database || (obstacle?.kind === 'waiting' && obstacle.code.startsWith('DATABASE_'));
  const limits = { enterMs: t.pausedAfterMs, leaveMs: t.clearAfterMs, nowMs };
  if (!persists(samples, away, was === 'PAUSED_DATABASE', limits)) return null;
  const code = last.database ? last.obstacle?.code : undefined;
  return {
    verdict: 'PAUSED_DATABASE',
    cause: `PostgreSQL can't be used${code === undefined ? '' : ` (${code})`}: the partition waits, and nothing is skipped.`,
    next: 'bridge doctor',
  };
};

export const stopped: Rule = ({ name, samples, was, nowMs, t, waiting }) => {
  const alone = ({ consumed }: PartitionSample) => consumed === false;
  const limits = { enterMs: t.stoppedAfterMs, leaveMs: t.clearAfterMs, nowMs };
  return persists(samples, alone, was === 'STOPPED', limits)
    ? {
        verdict: 'STOPPED',
        cause: `Nobody consumes: the group eassurance-${name.provider} has no members, and ${formatCount(waiting, 'event')} wait${waiting === 1 ? 's' : ''} here.`,
        next: 'bridge run',
      }
    : null;
};

export const fuse: Rule = ({ name, last }) => {
  if (last.obstacle?.kind !== 'fuse') return null;
  const why =
    last.obstacle.code === 'FUSE_BLOWN'
      ? 'too much of it went into quarantine, so it was stopped'
      : 'a person paused it';
  return {
    verdict: 'PAUSED_FUSE',
    cause: `${name.topic} stands still on purpose: ${why}, until a person lets it go on.`,
    next: 'bridge topic list',
  };
};

export const rewound: Rule = ({ place, last, samples, nowMs, t }) => {
  const { log, position, incident } = last;
  const shown = incident?.kind === 'rewound' && nowMs - incident.atMs < t.rewindShownMs;
  const now = log !== null && unsettledFrom(position, log).anomaly === 'rewound';
  const setBack = stepsOf(samples).findLast(
    ({ atMs, before, after }) => after.next < before.next && nowMs - atMs < t.rewindShownMs,
  );
  if (!now && !shown && setBack === undefined) return null;
  const sameLog = !now && !shown && setBack?.before.topicId === setBack?.after.topicId;
  const cause = sameLog
    ? `The applied position of ${place} was set back to offset ${setBack!.after.next}: what follows is judged again, as duplicates.`
    : `${place} was created anew, or its log ends before the position that was applied: its records are judged as new.`;
  return { verdict: 'REWOUND', cause, next: `bridge explain ${place}/${log?.start ?? 0n}` };
};
