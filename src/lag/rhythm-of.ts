import { learnRhythm, type Rhythm } from '../domain/lag/judge-provider.ts';
import type { LedgerSample, Topology } from '../ports.ts';

/** The provider's rhythm with its last arrival; the very one that is kept when nothing came since, null when nothing ever
 *  came. */
export function rhythmOf(
  provider: string,
  { arrivals, rhythms }: Pick<LedgerSample, 'arrivals' | 'rhythms'>,
  { routes }: Pick<Topology, 'routes'>,
): Rhythm | null {
  const known = rhythms.get(provider) ?? null;
  const times = [...routes.values()].flatMap(({ providerId, topic }) =>
    providerId === provider ? (arrivals.get(topic) ?? []) : [],
  );
  return times.length === 0 ? known : learnRhythm(known, Math.max(...times));
}
