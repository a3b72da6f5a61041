import type * as en from './en_common';
import type { Catalogue } from './index';

export const common: Catalogue<typeof en.common> = {
  close: 'Fermer',
  cancel: 'Annuler',
  undo: 'Annuler',
  save: 'Enregistrer',
  add: 'Ajouter',
  edit: 'Modifier',
  remove: 'Supprimer',
  working: 'En cours…',
  copy: 'Copier',
  copied: 'Copié',
  show: 'Afficher',
  hide: 'Masquer',
  yes: 'Oui',
  no: 'Non',
  none: 'Aucun',
  all: 'Tout',
  unitOf: (label) => `Unité de ${label}`,
  durations: { ms: 'millisecondes', s: 'secondes', m: 'minutes', h: 'heures', d: 'jours' },
  problem: {
    kinds: {
      unreachable: 'pas de liaison avec l’enregistreur',
      late: 'l’enregistreur n’a pas répondu à temps',
      given_up: 'la demande a été abandonnée avant la réponse',
      garbled: 'la réponse est illisible',
      file: 'le fichier n’est plus lisible ; choisissez-le de nouveau',
      unplayable: 'ce navigateur ne peut pas le lire',
      push_service: 'le service push de ce navigateur est injoignable',
    },
    browser: (name) => (name === '' ? 'le navigateur signale une erreur' : `le navigateur signale une erreur (${name})`),
    empty: (status) => `l’enregistreur a répondu par l’erreur ${status}`,
  },
};
