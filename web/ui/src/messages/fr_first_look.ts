/** Les mots du premier tour d'une démonstration. */

import type * as en from './en_first_look';
import type { Catalogue } from './index';

export const firstLook: Catalogue<typeof en.firstLook> = {
  title: 'Premier tour',
  text: 'Ceci est une démonstration : deux caméras synthétiques, enregistrées dans un dossier à part. Essayez tout, dans l’ordre que vous voulez.',
  done: 'Fait :',
  close: 'Fermer le premier tour',
  keep: 'Le garder',
  keepHow: 'installe Vigie sur cette machine ; docs/install.md dit la suite.',
  steps: {
    watch: { what: 'Regarder une caméra en direct', how: 'Avec sa dernière heure dessous. Sur la mosaïque, un double-clic l’agrandit.' },
    playback: { what: 'Relire ce qui a été enregistré', how: 'Appuyez sur 5 min, puis faites glisser la frise : ses couleurs disent pourquoi on a enregistré.' },
    ring: { what: 'Sonner à la porte', how: 'Appuyez sur Déclencher : une règle prend des images, enregistre, met la sirène en marche et vous montre le portail. Lever y met fin.' },
    events: { what: 'Voir ce qui s’est passé', how: 'Chaque événement est gardé, avec tout ce qui a été fait.' },
    motion: { what: 'Dessiner où le mouvement compte', how: 'Quelqu’un passe toutes les 40 secondes. Ce qui bouge au-dessus du sol ne compte pas.' },
    camera: { what: 'Ajouter une caméra à vous', how: 'Tester montre ce qu’une adresse envoie avant d’enregistrer.' },
  },
};
