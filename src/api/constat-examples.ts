/** Examples of the OpenAPI document; the unit tests hold them against the schemas. */
export const newConstatExample = {
  providerId: 'saa',
  channel: 'WEB',
  status: 'SUBMITTED',
  accident: {
    accidentDate: '2026-03-14',
    accidentTime: '08:45',
    wilayaCode: '16',
    place: 'Rue Didouche Mourad, Alger-Centre',
    injuries: 'NO',
    otherVehicleDamage: 'NO',
    otherPropertyDamage: 'NO',
  },
  parties: [
    {
      role: 'A',
      isProviderInsured: true,
      vehicle: { plateRaw: '12345-115-16', plateType: 'ORDINARY', make: 'Renault', model: 'Symbol' },
      insurance: {
        insurerCode: 'SAA',
        policyNumber: '16-004512/26',
        validFrom: '2026-01-01',
        validTo: '2026-12-31',
      },
      driver: {
        person: {
          personRef: '0195f3a0-7c1e-7b52-9d7e-3f2a8c4b1e61',
          kind: 'NATURAL',
          lastName: 'Benali',
          firstName: 'Karim',
          phone: '+213550123456',
        },
        licenceCategory: 'B',
      },
      visibleDamage: 'Pare-chocs arrière enfoncé',
      circumstances: [1],
      circumstanceCount: 1,
    },
    {
      role: 'B',
      vehicle: { plateRaw: '00456-119-09', plateType: 'ORDINARY', make: 'Hyundai', model: 'Accent' },
      insurance: { insurerCode: 'TRUST', policyNumber: 'T-88120' },
      circumstances: [8],
      circumstanceCount: 1,
    },
  ],
};

export const constatPatchExample = {
  accident: { place: 'Rue Didouche Mourad, devant la Grande Poste', latitude: 36.7725, longitude: 3.0588 },
  statusReason: null,
};
