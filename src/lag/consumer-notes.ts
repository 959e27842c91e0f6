import { createClockSkew, type ClockSkew } from '../domain/lag/clock-skew.ts';
import type { Incident, Obstacle } from '../domain/lag/sample.ts';
import type { Clock, ConsumerNotes, Place } from '../ports.ts';

export interface ReadableNotes extends ConsumerNotes {
  obstacleOf(place: Place): Obstacle | null;
  incidentOf(place: Place): Incident | null;
  /** Positive: the provider's clock is ahead. Null before its first event. */
  clockSkewMs(provider: string): number | null;
}

/** What the consumers of this process know, kept in memory: written by consume/, read by the sampler. */
export function createConsumerNotes(clock: Clock): ReadableNotes {
  const obstacles = new Map<Place, Obstacle>();
  const incidents = new Map<Place, Incident>();
  const skews = new Map<string, ClockSkew>();
  return {
    obstacle(topic, partition, obstacle) {
      const place: Place = `${topic}/${partition}`;
      const before = obstacles.get(place);
      if (obstacle === null) obstacles.delete(place);
      else if (before?.kind !== obstacle.kind || before.code !== obstacle.code)
        obstacles.set(place, { ...obstacle, sinceMs: clock() });
    },
    incident(topic, partition, incident) {
      incidents.set(`${topic}/${partition}`, { ...incident, atMs: clock() });
    },
    occurred(provider, occurredAtMs, appendedAtMs) {
      const skew = skews.get(provider) ?? createClockSkew();
      skews.set(provider, skew);
      skew.observe(occurredAtMs, appendedAtMs);
    },
    obstacleOf: (place) => obstacles.get(place) ?? null,
    incidentOf: (place) => incidents.get(place) ?? null,
    clockSkewMs: (provider) => skews.get(provider)?.skewMs() ?? null,
  };
}
