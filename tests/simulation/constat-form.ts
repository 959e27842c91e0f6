import type { Content } from './provider-model.ts';
import type { Random } from './random.ts';

/** The small constat of the simulation, and what people do to it. The harness has its own reading of the contract's atoms:
 *  it must not see the world through the code that it checks. */

/** Atom → text of its value; absent elements have none. */
export type Atoms = ReadonlyMap<string, string>;

export const PLAIN_ATOMS = ['providerReference', 'claimId'] as const;
const SIGNATURE = { status: 'SIGNED', signedAt: '2026-05-04T10:00:00.000Z' };

interface Witness {
  readonly personRef: string;
  readonly name: string;
}
interface Party extends Content {
  readonly role: string;
  readonly signature?: unknown;
}

/** A constat that breaks no rule of the form. */
export function newConstat(providerId: string, createdBy: string, id: string | null): Content {
  const person = {
    personRef: 'p1',
    kind: 'NATURAL',
    lastName: 'Améziane',
    firstName: 'Yacine',
    phone: '+213551234567',
  };
  return {
    ...(id === null ? {} : { constatId: id, providerId, createdBy }),
    channel: 'MOBILE',
    status: 'DRAFT',
    statusReason: 'new',
    unilateral: true,
    providerReference: 'new',
    claimId: 'new',
    accident: {
      accidentDate: '2026-05-04',
      accidentTime: '08:15',
      timeZone: 'Africa/Algiers',
      place: 'new',
      injuries: 'NO',
    },
    parties: [
      {
        role: 'A',
        isProviderInsured: true,
        policyholder: person,
        vehicle: { plateRaw: '12345-115-16', plateNormalized: '1234511516', plateType: 'ORDINARY' },
        insurance: { insurerCode: 'SAA', policyNumber: 'S1', validFrom: '2026-01-01', validTo: '2026-12-31' },
        driver: {
          person: { ...person, personRef: 'p2' },
          licenceNumber: '16/1',
          licenceValidUntil: '2030-01-01',
        },
        circumstances: [8],
        circumstanceCount: 1,
      },
    ],
    witnesses: [
      { personRef: 'w1', name: 'new' },
      { personRef: 'w2', name: 'new' },
    ],
    createdAt: '2026-05-04T09:00:00.000Z',
    updatedAt: '2026-05-04T09:00:00.000Z',
  };
}

export const statusOf = (state: Content): string => String(state['status']);
export const witnessesOf = (state: Content): readonly Witness[] => (state['witnesses'] ?? []) as Witness[];
export const placeOf = (state: Content): string => String((state['accident'] as Content)['place']);
const partiesOf = (state: Content): readonly Party[] => (state['parties'] ?? []) as Party[];
const signatureOf = (state: Content): string =>
  partiesOf(state)
    .map((party) => (party.signature ? 'SIGNED' : '-'))
    .join();

export const isSealed = (state: Content): boolean =>
  !['DRAFT', 'SUBMITTED'].includes(statusOf(state)) &&
  (statusOf(state) === 'SIGNED' || signatureOf(state) === 'SIGNED' || Boolean(state['sealedContentHash']));

/** What a seal protects, as one text. */
export function frontText(state: Content): string {
  const witnesses = witnessesOf(state)
    .map(({ personRef, name }) => `${personRef}=${name}`)
    .sort();
  return [placeOf(state), signatureOf(state), ...witnesses].join('|');
}

export function atomsOf(state: Content): Atoms {
  const atoms = new Map<string, string>();
  for (const field of PLAIN_ATOMS) atoms.set(field, String(state[field] ?? ''));
  atoms.set('status', `${statusOf(state)}/${String(state['statusReason'] ?? '')}`);
  atoms.set('accident/place', placeOf(state));
  atoms.set('parties/A/signature', signatureOf(state));
  for (const { personRef, name } of witnessesOf(state)) atoms.set(`witnesses/${personRef}`, name);
  return atoms;
}

/** Atoms that a seal takes into the front. */
export const isFrontAtom = (atom: string): boolean =>
  atom === 'accident/place' || atom === 'parties/A/signature' || atom.startsWith('witnesses/');

export type Change =
  | { readonly what: 'set'; readonly field: (typeof PLAIN_ATOMS)[number] | 'place' }
  /** The hub alone changes back: of a provider's, SYNC.md makes an exception. */
  | { readonly what: 'change-back'; readonly field: (typeof PLAIN_ATOMS)[number] }
  | { readonly what: 'add-witness' | 'sign' | 'tamper' | 'settle' }
  | { readonly what: 'edit-witness' | 'delete-witness'; readonly ref: string }
  /** `force`: a provider that takes a step which is nobody's right. */
  | { readonly what: 'status' | 'force'; readonly to: string };

/** What the next edit does, the likelier the more often people do it. */
export function chooseChange(random: Random, side: 'hub' | 'provider'): Change {
  const ref = random.pick(['w1', 'w2', 'w3']);
  const field = random.pick(PLAIN_ATOMS);
  const whats = [
    'set',
    'place',
    'add-witness',
    'edit-witness',
    'delete-witness',
    'sign',
    'status',
    'back',
    'tamper',
    'force',
    'settle',
  ] as const;
  const what =
    whats[
      random.weighted(side === 'hub' ? [8, 4, 2, 4, 3, 2, 2, 2, 0, 0, 5] : [8, 4, 2, 4, 3, 2, 2, 0, 4, 3, 0])
    ]!;
  if (what === 'set') return { what, field };
  if (what === 'place') return { what: 'set', field: 'place' };
  if (what === 'back') return { what: 'change-back', field };
  if (what === 'edit-witness' || what === 'delete-witness') return { what, ref };
  if (what === 'force') return { what, to: random.pick(['SUBMITTED', 'VALIDATED']) };
  if (what === 'status') {
    const to = random.pick(
      side === 'hub' ? ['SUBMITTED', 'CANCELLED'] : ['SUBMITTED', 'VALIDATED', 'CANCELLED'],
    );
    return { what, to };
  }
  return { what };
}

/** The state after the change, which carries `token`; null when the form does not offer it (or nothing would change).
 *  `older` is a value that the field had before. */
export function applyChange(
  state: Content,
  change: Change,
  token: string,
  older: string | null,
): Content | null {
  const open = !isSealed(state) && ['DRAFT', 'SUBMITTED'].includes(statusOf(state));
  const witnesses = witnessesOf(state);
  switch (change.what) {
    case 'set':
      if (change.field !== 'place') return { ...state, [change.field]: token };
      return open ? withPlace(state, token) : null;
    case 'tamper':
      return isSealed(state) ? withPlace(state, token) : { ...state, claimId: token };
    case 'change-back':
      return older === null || older === state[change.field] ? null : { ...state, [change.field]: older };
    case 'add-witness':
      return open ? { ...state, witnesses: [...witnesses, { personRef: `x-${token}`, name: token }] } : null;
    case 'edit-witness':
    case 'delete-witness': {
      if (!open || !witnesses.some(({ personRef }) => personRef === change.ref)) return null;
      const others = witnesses.filter(({ personRef }) => personRef !== change.ref);
      if (change.what === 'delete-witness') return { ...state, witnesses: others };
      return { ...state, witnesses: [...others, { personRef: change.ref, name: token }] };
    }
    case 'sign': {
      if (!open) return null;
      const parties = partiesOf(state).map((party) => ({ ...party, signature: SIGNATURE }));
      return { ...state, parties, status: 'SIGNED', statusReason: token };
    }
    case 'settle':
      // Written atom by atom, with the value that was chosen.
      return null;
    case 'force':
      return statusOf(state) === change.to ? null : { ...state, status: change.to, statusReason: token };
    case 'status':
      return mayStep(statusOf(state), change.to)
        ? { ...state, status: change.to, statusReason: token }
        : null;
  }
}

/** The state with an atom as a conflict shows it; null: without it. The front's value holds the atoms that were lost of it. */
export function withAtom(state: Content, atom: string, value: unknown): Content {
  if (atom === 'front') {
    const lost = Object.entries(value as Content);
    return lost.reduce((sum, [inner, held]) => withAtom(sum, inner, held), state);
  }
  if (atom === 'status') return { ...state, ...(value as Content) };
  if (atom === 'accident/place') return withPlace(state, value as string);
  const [list, ref] = atom.split('/');
  if (list === 'witnesses') {
    const others = witnessesOf(state).filter(({ personRef }) => personRef !== ref);
    return { ...state, witnesses: value === null ? others : [...others, value] };
  }
  if (list === 'parties')
    return { ...state, parties: partiesOf(state).map((party) => ({ ...party, signature: value })) };
  return { ...state, [atom]: value };
}

const withPlace = (state: Content, place: string): Content => ({
  ...state,
  accident: { ...(state['accident'] as Content), place },
});

const STEPS: Readonly<Record<string, readonly string[]>> = {
  DRAFT: ['SUBMITTED', 'CANCELLED'],
  SUBMITTED: ['VALIDATED', 'CANCELLED'],
  SIGNED: ['VALIDATED', 'CANCELLED'],
};
const mayStep = (from: string, to: string): boolean => STEPS[from]?.includes(to) ?? false;
