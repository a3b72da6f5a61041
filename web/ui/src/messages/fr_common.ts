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
};
