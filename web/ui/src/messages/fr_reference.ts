import type * as en from './en_reference';
import type { Catalogue } from './index';

export const reference: Catalogue<typeof en.reference> = {
  title: 'API',
  intro: 'Tout ce que font ces pages, n’importe quel programme peut le faire. Demandes et réponses sont en JSON ; les erreurs sont des documents de problème (RFC 9457) avec un code stable ; les heures suivent la RFC 3339, en UTC.',
  access: 'Connectez-vous avec les identifiants Basic d’un utilisateur, avec un de ses jetons (Authorization: Bearer vigie_…) ou avec le cookie de session de ces pages.',
  document: 'En document OpenAPI 3.1',
  tryIt: 'Par exemple',
  search: 'Chercher une route',
  count: (shown, all) => `${shown} ${shown < 2 ? 'route' : 'routes'}${shown === all ? '' : ` sur ${all}`}`,
  none: 'Aucune route ne contient ces mots.',
  open: 'sans connexion',
  parameters: 'Paramètres',
  required: 'obligatoire',
  where: { path: 'dans le chemin', query: 'dans la requête', header: 'dans un en-tête' },
  body: 'Corps',
  answers: 'Réponses',
  failed: 'La description n’a pas pu être chargée',
};
