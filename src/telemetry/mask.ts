import type { Json, JsonObject } from '../domain/json.ts';

/** How a value is shown where its reader has no need of it. */
type Mask = (value: string) => string;

const HIDDEN = '•••';
const hidden: Mask = () => HIDDEN;
const firstLetter: Mask = (value) => `${[...value][0] ?? ''}${HIDDEN}`;
const lastThree: Mask = (value) => (value.length > 3 ? `${HIDDEN}${value.slice(-3)}` : HIDDEN);
const yearOnly: Mask = (value) => (/^\d{4}-/.test(value) ? value.slice(0, 4) : HIDDEN);
const email: Mask = (value) => {
  const at = value.lastIndexOf('@');
  return at > 0 ? `${firstLetter(value)}${value.slice(at)}` : HIDDEN;
};

/** Every field of the contracts that says something about a person, or leads to one, by name. */
const MASKS: Readonly<Record<string, Mask>> = {
  nin: lastThree,
  licenceNumber: lastThree,
  birthDate: yearOnly,
  phone: lastThree,
  email,
  name: firstLetter,
  firstName: firstLetter,
  lastName: firstLetter,
  companyName: firstLetter,
  address: hidden,
  plateRaw: lastThree,
  plateNormalized: lastThree,
  vin: lastThree,
  chassisNumber: lastThree,
  policyNumber: lastThree,
  internationalCardNumber: lastThree,
  latitude: hidden,
  longitude: hidden,
  place: hidden,
  injuries: hidden,
  reportNumber: lastThree,
  remarks: hidden,
  visibleDamage: hidden,
  description: hidden,
  statusReason: hidden,
  changeReason: hidden,
  declared: hidden,
  found: hidden,
};

/** The names that `maskPersonal` knows. */
export const PERSONAL_FIELDS: readonly string[] = Object.keys(MASKS);

/** A copy with personal data masked wherever it stands, for logs, exports and the views of quarantine. Absent stays absent,
 *  so that a reader still sees which fields were given. Numbers and booleans of a personal field are hidden whole, and so
 *  is everything inside one that is an object. */
export function maskPersonal(value: Json): Json {
  return maskExcept(value, NONE);
}

/** The value of an atom such as `parties/A/driver/person/phone`, masked for staff and on-call, who see plates. */
export function maskAtom(atom: string, value: Json): Json {
  return maskField(atom.slice(atom.lastIndexOf('/') + 1), value, PLATES);
}

const NONE: ReadonlySet<string> = new Set();
const PLATES: ReadonlySet<string> = new Set(['plateRaw', 'plateNormalized']);

function maskExcept(value: Json, shown: ReadonlySet<string>): Json {
  if (Array.isArray(value)) return value.map((item: Json) => maskExcept(item, shown));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([name, field]) => [name, maskField(name, field ?? null, shown)]),
  );
}

function maskField(name: string, value: Json, shown: ReadonlySet<string>): Json {
  const mask = Object.hasOwn(MASKS, name) && !shown.has(name) ? MASKS[name] : undefined;
  if (mask === undefined) return maskExcept(value, shown);
  if (value === null) return null;
  return typeof value === 'string' ? mask(value) : HIDDEN;
}
