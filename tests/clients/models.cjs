// Definitions as the old client's models have them, under its own names for some members.
'use strict';

const NAMES = {
  package: 'packageProperty',
  'x-ms-isnullable': 'xMsIsnullable',
  'x-ms-isordered': 'xMsIsordered',
};

/** A definition under the client's names; what users name (columns, parameters) is never one of these. */
function modelled(value) {
  if (Array.isArray(value)) return value.map(modelled);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [NAMES[name] ?? name, modelled(inner)]));
}

module.exports = { modelled };
