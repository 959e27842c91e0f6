/** Names, places and makes as they stand on Algerian forms. All persons are invented. */
export const FAMILY_NAMES = [
  'Benali',
  'Bouzid',
  'Cherif',
  'Djebbar',
  'Ferhat',
  'Guendouz',
  'Haddad',
  'Khelifi',
  'Mansouri',
  'Meziane',
  'Ouali',
  'Rahmani',
  'Saïdi',
  'Taleb',
  'Yahiaoui',
  'Zerrouki',
];
export const GIVEN_NAMES = [
  'Amine',
  'Amira',
  'Farid',
  'Imène',
  'Karim',
  'Lamia',
  'Mourad',
  'Nadia',
  'Nassim',
  'Rachid',
  'Samia',
  'Sofiane',
  'Tarek',
  'Yasmine',
  'Yacine',
  'Zohra',
];
export const MODELS = [
  ['Renault', 'Symbol', 'VF1'],
  ['Dacia', 'Logan', 'UU1'],
  ['Peugeot', '208', 'VF3'],
  ['Hyundai', 'i10', 'MAL'],
  ['Kia', 'Picanto', 'KNA'],
  ['Volkswagen', 'Golf', 'WVW'],
  ['Seat', 'Ibiza', 'VSS'],
  ['Fiat', 'Tipo', 'ZFA'],
] as const;
/** Wilaya, commune, place, latitude, longitude. */
export const PLACES = [
  ['16', '1601', 'Rue Didouche Mourad, devant la Grande Poste', 36.7729, 3.0588],
  ['16', '1644', 'Rocade Sud, bretelle de Zéralda', 36.7113, 2.8424],
  ['31', '3101', "Boulevard de l'ALN, front de mer", 35.7069, -0.6417],
  ['25', '2501', 'Pont Sidi M\u2019Cid', 36.3712, 6.6141],
  ['09', '0901', 'Avenue Amara Youcef, rond-point de Bab Sebt', 36.4703, 2.8277],
  ['19', '1901', 'Cité El Hidhab, carrefour de l’hôpital', 36.1911, 5.4137],
  ['06', '0601', 'RN 12, entrée ouest', 36.7509, 5.0567],
  ['23', '2301', 'Cours de la Révolution', 36.9, 7.7667],
  ['13', '1301', 'Route de Mansourah', 34.8783, -1.315],
  ['15', '1501', 'Boulevard Stiti, gare routière', 36.7118, 4.0459],
] as const;
export const STREETS = [
  'rue Larbi Ben M’hidi',
  'cité des 500 logements',
  'rue Hassiba Ben Bouali',
  'boulevard Mohamed V',
  'lotissement El Amel',
  'rue Khemisti',
];
export const ZONES = [
  'FRONT',
  'FRONT_LEFT',
  'FRONT_RIGHT',
  'LEFT',
  'RIGHT',
  'REAR',
  'REAR_LEFT',
  'REAR_RIGHT',
];
/** Boxes of section 12 that go together: A's, B's, damage to A, damage to B. */
export const SITUATIONS = [
  [[8], [1], 'Pare-chocs avant enfoncé, phare droit cassé', 'Hayon et pare-chocs arrière enfoncés'],
  [[10], [9], 'Aile avant gauche rayée', 'Portière avant droite enfoncée'],
  [[2], [11], 'Portière avant gauche pliée', 'Rétroviseur droit arraché'],
  [[14], [1], 'Feu arrière gauche cassé', 'Calandre fendue'],
  [[13, 17], [16], 'Aile avant droite enfoncée', 'Capot et radiateur endommagés'],
  [[6], [7], 'Pare-chocs avant décroché', 'Aile arrière droite enfoncée'],
] as const;
export const INSURERS = ['SAA', 'TRUST', 'ALLIANCE', 'CAAR', 'CAAT', 'GAM'];
