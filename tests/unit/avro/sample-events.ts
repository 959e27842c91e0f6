import type { EntityEvent } from '../../../src/domain/event.ts';
import type { JsonObject } from '../../../src/domain/json.ts';

export const CONSTAT_ID = '0197f3a0-1111-7abc-8def-000000000001';

export function sampleConstat(changes: JsonObject = {}): JsonObject {
  return {
    constatId: CONSTAT_ID,
    providerId: 'saa',
    createdBy: 'eassurance',
    status: 'DRAFT',
    accident: {
      accidentDate: '2026-05-04',
      accidentTime: '08:15',
      place: 'شارع ديدوش مراد، الجزائر',
      latitude: 36.75,
      longitude: 3.06,
    },
    parties: [
      { role: 'A', isProviderInsured: true, vehicle: { plateRaw: '12345-115-16' }, circumstances: [8, 12] },
      { role: 'B', vehicle: { plateRaw: '٦٧٨٩٠-١٢٠-٣١' } },
    ],
    createdAt: '2026-05-04T09:00:00.000Z',
    updatedAt: '2026-05-04T09:00:00.000Z',
    ...changes,
  };
}

export function sampleEvent(kind: string, action: string, state: JsonObject, entityId: string): EntityEvent {
  return {
    meta: {
      eventId: '0197f3a0-2222-7abc-8def-000000000002',
      eventType: `${kind}.${action}`,
      providerId: 'saa',
      origin: 'eassurance',
      entityType: kind,
      entityId,
      revision: { eassurance: 3, saa: 2 },
      occurredAt: '2026-05-04T09:00:00.123Z',
      correlationId: null,
      causationId: null,
      actor: 'USER',
      replay: false,
    },
    state,
    changedFields: [],
    changeReason: null,
  };
}

export function sampleClaim(changes: JsonObject = {}): JsonObject {
  return {
    claimId: '0197f3a0-3333-7abc-8def-000000000003',
    providerId: 'saa',
    createdBy: 'saa',
    createdAt: '2026-05-04T09:00:00.000Z',
    updatedAt: '2026-05-04T09:00:00.000Z',
    ...changes,
  };
}
